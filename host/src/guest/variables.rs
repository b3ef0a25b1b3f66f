//! `spin:variables`: a component's own variables, nothing of any other's.

use wasmtime::component::{Accessor, HasSelf};

use super::Guest;
use super::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::manifest::is_variable_name;

impl Host for Guest {}

impl<T: Send> HostWithStore<T> for HasSelf<Guest> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        if !is_variable_name(&name) {
            return Ok(Err(Error::InvalidName(name)));
        }
        let value = accessor.with(|mut access| access.get().grants.variables.get(&name).cloned());
        Ok(value.ok_or(Error::Undefined(name)))
    }
}

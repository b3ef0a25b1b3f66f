//! Rust for the interfaces in `wit/`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "platform",
    imports: { default: async | trappable },
    with: {
        "wasi:keyvalue/store.bucket": crate::guest::key_value::OpenStore,
        "wasi:keyvalue/atomics.cas": crate::guest::key_value::OpenSwap,
        "spin:key-value/key-value.store": crate::guest::key_value::OpenStore,
    },
});

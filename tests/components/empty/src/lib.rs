//! Answers 204 to everything: the cost of a request that does nothing, against which others are measured.

#[cfg(target_family = "wasm")]
mod entry {
    use spin_sdk::http::{EmptyBody, Request, Response, StatusCode};
    use spin_sdk::http_service;

    #[http_service]
    async fn handle(_request: Request) -> Response<EmptyBody> {
        let mut response = Response::new(EmptyBody::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }
}

//! Does what a test asks for, good or bad: the first segment of the path below `/probe` names the deed, the
//! second what it is done to. Answers 200 with the outcome as text, or 500 with the error.

#[cfg(target_family = "wasm")]
mod deeds;

#[cfg(target_family = "wasm")]
mod entry {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use spin_sdk::http::{FullBody, Request, Response, StatusCode};
    use spin_sdk::http_service;

    use crate::deeds::{Deed, perform};

    #[http_service]
    async fn handle(request: Request) -> Response<FullBody<Bytes>> {
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return answer(Err(error.to_string())),
        };
        let path = head.uri.path().trim_start_matches("/probe/").to_owned();
        let (deed, argument) = path.split_once('/').unwrap_or((&path, ""));
        answer(perform(Deed { name: deed, argument, body, head: &head }).await)
    }

    fn answer(outcome: Result<String, String>) -> Response<FullBody<Bytes>> {
        let (status, text) = match outcome {
            Ok(text) => (StatusCode::OK, text),
            Err(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
        };
        let mut response = Response::new(FullBody::new(Bytes::from(text)));
        *response.status_mut() = status;
        response
    }
}

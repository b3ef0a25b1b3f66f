//! The partner's API in process, on models of the stores: every route and refusal, what it costs, and that every answer
//! is as `openapi.json` describes it.

mod bulk;
mod description;
mod list;
mod one;
mod quotas;
mod schema;
mod stage;
mod webhooks;

//! The partner's API about promo codes in process, on models of the stores: every route and refusal, what it costs, and that
//! every answer is as `openapi.json` describes it.

mod batches;
mod description;
#[path = "../../../invite/tests/partner/schema.rs"]
mod schema;
mod stage;

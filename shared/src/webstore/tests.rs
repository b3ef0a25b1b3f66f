use proptest::prelude::*;

use super::*;
use crate::{
    order::{News, Sale},
    testing::{Failed, Json, faults, gateway, read as value},
};

/// What is read, in one line: `paid AN-1001: anvil-mobile-id x2, Ada Lovelace <ada@birch.example>, 98.00 USD`.
fn told(dialect: Dialect, body: impl Into<String>) -> Result<String, Failed> {
    let gateway = gateway();
    let sale = |sale: Sale<'_>| {
        let lines: Vec<String> =
            sale.cart.lines().iter().map(|(product, quantity)| format!("{} x{quantity}", product.id)).collect();
        let customer = format!("{} <{}>", sale.customer.name.full(), sale.customer.email);
        format!(": {}, {customer}, {}", lines.join(" "), sale.total)
    };
    let reading = read(dialect, &Json(body.into()), &value("anvil"), &gateway)?;
    Ok(match reading {
        Reading::Left => "left".to_owned(),
        Reading::Review(Review { order, code, .. }) => {
            format!("review {}: {code}", order.map_or_else(|| "?".to_owned(), |order| order.to_string()))
        }
        Reading::Event(OrderEvent { order, news }) => match news {
            News::Created(sold) => format!("created {order}{}", sale(sold)),
            News::Paid(sold) => format!("paid {order}{}", sale(sold)),
            News::Cancelled => format!("cancelled {order}"),
            News::Refunded => format!("refunded {order}"),
        },
    })
}

/// Fields and codes of what is refused.
fn refused(dialect: Dialect, body: impl Into<String>) -> Vec<(String, &'static str)> {
    match told(dialect, body) {
        Err(Failed::Refused(found)) => faults::<()>(Err(Refusal::InvalidInput(found))),
        other => panic!("not refused by its fields: {other:?}"),
    }
}

fn named(field: &str, code: &'static str) -> (String, &'static str) {
    (field.to_owned(), code)
}

/// The document with one value replaced; `pointer` is a JSON pointer (RFC 6901).
fn with(document: &str, changes: &[(&str, serde_json::Value)]) -> String {
    let mut document: serde_json::Value = serde_json::from_str(document).expect("JSON");
    for (pointer, value) in changes {
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")) = value.clone();
    }
    document.to_string()
}

mod standard {
    use serde_json::json;

    use super::*;

    const PAID: &str = r#"{
        "type": "order.paid", "timestamp": "2026-12-01T09:00:00Z",
        "data": {
            "order_id": "AN-1001",
            "customer": { "given_name": "Ada", "family_name": "Lovelace", "email": "ada@birch.example" },
            "lines": [{ "product": "anvil-mobile-id", "quantity": 2 }],
            "total_minor": 9800, "currency": "USD"
        }
    }"#;
    const SOLD: &str = "AN-1001: anvil-mobile-id x2, Ada Lovelace <ada@birch.example>, 98.00 USD";

    fn end(kind: &str) -> String {
        format!(r#"{{"type": "{kind}", "timestamp": "2026-12-01T09:00:00Z", "data": {{"order_id": "AN-1001"}}}}"#)
    }

    #[test]
    fn shp_7_our_own_events_tell_of_an_order_from_its_placing_to_its_end() {
        // SHP-7
        assert_eq!(told(Dialect::Standard, PAID), Ok(format!("paid {SOLD}")));
        let created = with(PAID, &[("/type", json!("order.created"))]);
        assert_eq!(told(Dialect::Standard, created), Ok(format!("created {SOLD}")));
        assert_eq!(told(Dialect::Standard, end("order.cancelled")), Ok("cancelled AN-1001".to_owned()));
        assert_eq!(told(Dialect::Standard, end("order.refunded")), Ok("refunded AN-1001".to_owned()));
    }

    #[test]
    fn shp_7_other_events_of_a_webstore_are_none_of_ours() {
        // SHP-7: whatever else they hold.
        for other in ["", "order.shipped", "ORDER.PAID", "order.paid.later", "customer.created"] {
            let body = json!({ "type": other, "data": [1] }).to_string();
            assert_eq!(told(Dialect::Standard, body), Ok("left".to_owned()), "{other}");
        }
    }

    #[test]
    fn shp_7_our_own_events_are_strict() {
        // SHP-7
        let more = PAID.replace(r#""total_minor""#, r#""note": "", "total_minor""#);
        let less = PAID.replace(r#""currency": "USD""#, r#""total": 1"#);
        let full_end = with(PAID, &[("/type", json!("order.refunded"))]);
        let bare = end("order.paid");
        for wrong in [more, less, full_end, bare, "{}".to_owned(), "[]".to_owned(), String::new()] {
            assert_eq!(told(Dialect::Standard, wrong.as_str()), Err(Failed::Undecodable), "{wrong}");
        }
    }

    #[test]
    fn shp_7_our_own_events_have_every_fault_named() {
        // SHP-7, SHP-9
        let broken = with(
            PAID,
            &[
                ("/data/order_id", json!("x".repeat(81))),
                ("/data/customer", json!({ "given_name": "", "family_name": " ", "email": "ada" })),
                ("/data/lines", json!([{ "product": "cobalt-mobile-id", "quantity": 21 }])),
                ("/data/currency", json!("XXX")),
            ],
        );
        let expected = [
            named("data.order_id", "text-too-long"),
            named("data.customer.given_name", "text-missing"),
            named("data.customer.family_name", "text-missing"),
            named("data.customer.email", "email-invalid"),
            named("data.currency", "currency-invalid"),
            named("data.lines.0.product", "unknown"),
            named("data.lines", "out-of-range"),
        ];
        assert_eq!(refused(Dialect::Standard, broken), expected);
        let nameless = end("order.refunded").replace("AN-1001", "");
        assert_eq!(refused(Dialect::Standard, nameless), [named("data.order_id", "text-missing")]);
    }
}

mod stripe {
    use serde_json::{Value, json};

    use super::*;

    /// As Stripe sends it, with some of what nobody here reads.
    const SESSION: &str = r#"{
        "id": "evt_1P", "object": "event", "api_version": "2025-03-31.basil", "created": 1764579600, "livemode": true,
        "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "type": "checkout.session.completed",
        "data": { "object": {
            "id": "cs_live_a1", "object": "checkout.session", "amount_subtotal": 9000, "amount_total": 9800,
            "client_reference_id": "AN-1001", "currency": "usd", "customer": null,
            "customer_details": { "address": { "country": "US" }, "email": "ada@birch.example", "name": "Ada Lovelace",
                "phone": null, "tax_exempt": "none", "tax_ids": [] },
            "metadata": { "lines": "anvil-mobile-id:2", "campaign": "spring" }, "mode": "payment",
            "payment_status": "paid", "status": "complete", "total_details": { "amount_discount": -1.5 }
        } }
    }"#;
    const SOLD: &str = "AN-1001: anvil-mobile-id x2, Ada Lovelace <ada@birch.example>, 98.00 USD";

    fn session(changes: &[(&str, Value)]) -> String {
        with(SESSION, changes)
    }

    fn charge(refunded: &Value, metadata: &Value) -> String {
        let charge = json!({
            "id": "ch_1", "object": "charge", "amount": 9800, "amount_refunded": 4900, "currency": "usd",
            "metadata": metadata, "refunded": refunded,
        });
        json!({ "id": "evt_2", "object": "event", "type": "charge.refunded", "data": { "object": charge } }).to_string()
    }

    #[test]
    fn shp_7_a_session_of_stripes_tells_how_its_order_stands() {
        // SHP-7
        let completed = "checkout.session.completed";
        let succeeded = "checkout.session.async_payment_succeeded";
        for (kind, status, expected) in [
            (completed, json!("paid"), format!("paid {SOLD}")),
            (completed, json!("no_payment_required"), format!("paid {SOLD}")),
            (completed, json!("unpaid"), format!("created {SOLD}")),
            (completed, json!("overpaid"), "review AN-1001: unknown-status".to_owned()),
            (completed, Value::Null, "review AN-1001: unknown-status".to_owned()),
            (succeeded, json!("paid"), format!("paid {SOLD}")),
            ("checkout.session.async_payment_failed", json!("unpaid"), "cancelled AN-1001".to_owned()),
            ("checkout.session.expired", json!("unpaid"), "left".to_owned()),
            ("payment_intent.succeeded", json!("paid"), "left".to_owned()),
        ] {
            let body = session(&[("/type", json!(kind)), ("/data/object/payment_status", status.clone())]);
            assert_eq!(told(Dialect::Stripe, body), Ok(expected), "{kind} {status}");
        }
    }

    #[test]
    fn shp_7_a_charge_of_stripes_is_given_back_as_a_whole_or_a_person_looks() {
        // SHP-7
        let ours = json!({ "order_id": "AN-1001" });
        for (refunded, metadata, expected) in [
            (json!(true), &ours, "refunded AN-1001"),
            (json!(false), &ours, "review AN-1001: partly-refunded"),
            (Value::Null, &ours, "review AN-1001: partly-refunded"),
            (json!(true), &json!({}), "review ?: refund-without-order"),
            (json!(true), &Value::Null, "review ?: refund-without-order"),
        ] {
            assert_eq!(told(Dialect::Stripe, charge(&refunded, metadata)), Ok(expected.to_owned()), "{refunded}");
        }
        let nameless = charge(&json!(true), &json!({ "order_id": " " }));
        assert_eq!(refused(Dialect::Stripe, nameless), [named("data.object.metadata.order_id", "text-missing")]);
    }

    #[test]
    fn shp_7_what_else_a_stripe_account_sells_is_left() {
        // SHP-7
        let elsewhere = |metadata: Value| {
            session(&[("/data/object/client_reference_id", Value::Null), ("/data/object/metadata", metadata)])
        };
        assert_eq!(told(Dialect::Stripe, elsewhere(json!({ "campaign": "spring" }))), Ok("left".to_owned()));
        assert_eq!(told(Dialect::Stripe, elsewhere(Value::Null)), Ok("left".to_owned()));
        let order = "data.object.client_reference_id";
        let forgotten = elsewhere(json!({ "lines": "anvil-mobile-id:2" }));
        assert_eq!(refused(Dialect::Stripe, forgotten), [named(order, "text-missing")]);
        let forgotten = session(&[("/data/object/metadata", json!({}))]);
        assert_eq!(refused(Dialect::Stripe, forgotten), [named("data.object.metadata.lines", "lines-invalid")]);
    }

    #[test]
    fn shp_7_a_session_of_stripes_has_every_fault_named() {
        // SHP-7, SHP-9
        let empty = [
            ("/data/object/client_reference_id", json!("")),
            ("/data/object/customer_details", Value::Null),
            ("/data/object/metadata/lines", json!("")),
            ("/data/object/amount_total", Value::Null),
            ("/data/object/currency", Value::Null),
        ];
        let expected = [
            named("data.object.client_reference_id", "text-missing"),
            named("data.object.customer_details.name", "text-missing"),
            named("data.object.customer_details.email", "email-missing"),
            named("data.object.currency", "currency-invalid"),
            named("data.object.amount_total", "missing"),
            named("data.object.metadata.lines", "lines-invalid"),
        ];
        assert_eq!(refused(Dialect::Stripe, session(&empty)), expected);
        let wrong = [
            ("/data/object/metadata/lines", json!("anvil-mobile-id:0,cobalt-mobile-id:1,anvil-mobile-id:1")),
            ("/data/object/amount_total", json!(9_850)),
            ("/data/object/currency", json!("ugx")),
        ];
        let expected = [
            named("data.object.amount_total", "amount-invalid"),
            named("data.object.metadata.lines.1.product", "unknown"),
            named("data.object.metadata.lines.2.product", "repeated"),
            named("data.object.metadata.lines", "out-of-range"),
        ];
        assert_eq!(refused(Dialect::Stripe, session(&wrong)), expected);
        let unreadable = session(&[("/data/object/amount_total", json!("9800"))]);
        assert_eq!(told(Dialect::Stripe, unreadable), Err(Failed::Undecodable));
    }

    #[test]
    fn shp_7_an_order_of_stripes_that_is_over_needs_no_lines() {
        // SHP-7
        let bare = json!({ "client_reference_id": "AN-1001" });
        let body = json!({ "type": "checkout.session.async_payment_failed", "data": { "object": bare } }).to_string();
        assert_eq!(told(Dialect::Stripe, body), Ok("cancelled AN-1001".to_owned()));
    }
}

mod shopify {
    use serde_json::{Value, json};

    use super::*;

    /// As Shopify sends it, with some of what nobody here reads.
    const ORDER: &str = r#"{
        "id": 820982911946154508, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508", "app_id": null,
        "billing_address": { "first_name": "Grace", "last_name": "Hopper", "address1": "1 Mill Lane", "latitude": 45.41 },
        "cancel_reason": null, "cancelled_at": null, "contact_email": "grace@birch.example", "currency": "USD",
        "customer": { "id": 115310627314723954, "first_name": "Ada", "last_name": "Lovelace", "note": null },
        "email": "ada@birch.example", "financial_status": "paid", "fulfillment_status": null, "name": "\u00239999",
        "line_items": [
            { "id": 866550311766439020, "sku": "anvil-mobile-id", "quantity": 2, "price": "49.00", "gift_card": false }
        ],
        "test": false, "total_price": "98.00", "total_tax": "0.00", "shipping_lines": []
    }"#;
    const ID: &str = "820982911946154508";

    fn order(changes: &[(&str, Value)]) -> String {
        with(ORDER, changes)
    }

    fn sold(customer: &str, total: &str) -> String {
        format!("{ID}: anvil-mobile-id x2, {customer}, {total}")
    }

    #[test]
    fn shp_7_an_order_of_shopifys_stands_as_its_signed_body_says() {
        // SHP-7: no topic is asked.
        let sold = sold("Ada Lovelace <ada@birch.example>", "98.00 USD");
        let cancelled = json!("2026-12-01T09:00:00-05:00");
        for (status, cancelled, expected) in [
            (json!("paid"), Value::Null, format!("paid {sold}")),
            (json!("pending"), Value::Null, format!("created {sold}")),
            (json!("authorized"), Value::Null, format!("created {sold}")),
            (json!("partially_paid"), Value::Null, format!("created {sold}")),
            (json!("expired"), Value::Null, format!("created {sold}")),
            (Value::Null, Value::Null, format!("created {sold}")),
            (json!("refunded"), Value::Null, format!("refunded {ID}")),
            (json!("voided"), Value::Null, format!("cancelled {ID}")),
            (json!("partially_refunded"), Value::Null, format!("review {ID}: partly-refunded")),
            (json!("overpaid"), Value::Null, format!("review {ID}: unknown-status")),
            (json!("paid"), cancelled.clone(), format!("cancelled {ID}")),
            (json!("pending"), cancelled.clone(), format!("cancelled {ID}")),
            (Value::Null, cancelled.clone(), format!("cancelled {ID}")),
            (json!("partially_refunded"), cancelled.clone(), format!("cancelled {ID}")),
            (json!("refunded"), cancelled.clone(), format!("refunded {ID}")),
            (json!("voided"), cancelled, format!("cancelled {ID}")),
        ] {
            let about = format!("{status} {cancelled}");
            let body = order(&[("/financial_status", status), ("/cancelled_at", cancelled)]);
            assert_eq!(told(Dialect::Shopify, body), Ok(expected), "{about}");
        }
    }

    #[test]
    fn shp_7_no_licence_for_an_order_that_was_paid_in_test_mode() {
        // SHP-7
        let test = ("/test", json!(true));
        assert_eq!(told(Dialect::Shopify, order(std::slice::from_ref(&test))), Ok(format!("review {ID}: test-order")));
        let pending = order(&[test.clone(), ("/financial_status", json!("pending"))]);
        assert!(told(Dialect::Shopify, pending).is_ok_and(|told| told.starts_with("created ")));
        let refunded = order(&[test, ("/financial_status", json!("refunded"))]);
        assert_eq!(told(Dialect::Shopify, refunded), Ok(format!("refunded {ID}")));
    }

    #[test]
    fn shp_7_only_an_order_of_shopifys_is_taken_for_one() {
        // SHP-7: the same secret signs every topic, and some bodies look nearly alike.
        let refund = json!({ "id": 1, "admin_graphql_api_id": "gid://shopify/Refund/1", "order_id": 2 }).to_string();
        let draft = with(ORDER, &[("/admin_graphql_api_id", json!("gid://shopify/DraftOrder/820982911946154508"))]);
        let checkout = with(ORDER, &[("/admin_graphql_api_id", Value::Null)]);
        let deleted = json!({ "id": 820_982_911_946_154_508_u64 }).to_string();
        let edited = json!({ "order_edit": { "id": 1, "order_id": 2 } }).to_string();
        for other in [refund, draft, checkout, deleted, edited, "{}".to_owned()] {
            assert_eq!(told(Dialect::Shopify, other.as_str()), Ok("left".to_owned()), "{other}");
        }
        for wrong in ["", "[]", "1", r#"{"admin_graphql_api_id": 1}"#] {
            assert_eq!(told(Dialect::Shopify, wrong), Err(Failed::Undecodable), "{wrong}");
        }
        for id in [json!("1"), json!(-1), json!(1.5), Value::Null] {
            assert_eq!(told(Dialect::Shopify, order(&[("/id", id.clone())])), Err(Failed::Undecodable), "{id}");
        }
    }

    #[test]
    fn shp_7_an_order_of_shopifys_names_its_customer_in_one_of_several_places() {
        // SHP-7: a shop may ask for the last name only.
        let person = |first: Value, last: Value| json!({ "first_name": first, "last_name": last });
        let (none, ada, lovelace) = (Value::Null, json!("Ada"), json!("Lovelace"));
        for (customer, expected) in [
            (none.clone(), "Grace Hopper"),
            (person(none.clone(), none.clone()), "Grace Hopper"),
            (person(json!(" "), json!("")), "Grace Hopper"),
            (person(none.clone(), lovelace.clone()), "Lovelace Lovelace"),
            (person(ada.clone(), none.clone()), "Ada Ada"),
            (person(ada, lovelace), "Ada Lovelace"),
        ] {
            let body = order(&[("/customer", customer.clone())]);
            let expected = sold(&format!("{expected} <ada@birch.example>"), "98.00 USD");
            assert_eq!(told(Dialect::Shopify, body), Ok(format!("paid {expected}")), "{customer}");
        }
        for email in [none, json!("")] {
            let expected = sold("Ada Lovelace <grace@birch.example>", "98.00 USD");
            assert_eq!(told(Dialect::Shopify, order(&[("/email", email)])), Ok(format!("paid {expected}")));
        }
    }

    #[test]
    fn shp_7_shopifys_amounts_are_read_exactly_or_refused() {
        // SHP-7, SHP-9: zeros behind the currency's places say nothing, anything else would be lost.
        for (amount, currency, expected) in [
            ("98.00", "USD", Some("98.00 USD")),
            ("98.5", "USD", Some("98.50 USD")),
            ("98", "USD", Some("98.00 USD")),
            ("0.00", "USD", Some("0.00 USD")),
            ("98.500", "USD", Some("98.50 USD")),
            ("4900.00", "JPY", Some("4900 JPY")),
            ("4900", "JPY", Some("4900 JPY")),
            ("100", "JPY", Some("100 JPY")),
            ("1.250", "KWD", Some("1.250 KWD")),
            ("98.505", "USD", None),
            ("4900.50", "JPY", None),
            ("98.", "USD", None),
            (".50", "USD", None),
            ("98.x0", "USD", None),
            ("-98.00", "USD", None),
            ("98,00", "USD", None),
            ("", "USD", None),
        ] {
            let body = order(&[("/total_price", json!(amount)), ("/currency", json!(currency))]);
            if let Some(total) = expected {
                let expected = sold("Ada Lovelace <ada@birch.example>", total);
                assert_eq!(told(Dialect::Shopify, body), Ok(format!("paid {expected}")), "{amount} {currency}");
            } else {
                assert_eq!(refused(Dialect::Shopify, body), [named("total_price", "amount-invalid")], "{amount}");
            }
        }
    }

    #[test]
    fn shp_7_items_of_one_product_are_one_line() {
        // SHP-7: where their prices differ, Shopify makes two of them.
        let item = |sku: &str, quantity: u32| json!({ "sku": sku, "quantity": quantity });
        let both = order(&[("/line_items", json!([item("anvil-mobile-id", 1), item("anvil-mobile-id", 1)]))]);
        let expected = sold("Ada Lovelace <ada@birch.example>", "98.00 USD");
        assert_eq!(told(Dialect::Shopify, both), Ok(format!("paid {expected}")));
        let most = u32::MAX;
        for items in [
            vec![],
            vec![item("anvil-mobile-id", 0)],
            vec![item("anvil-mobile-id", 11), item("anvil-mobile-id", 10)],
            vec![item("anvil-mobile-id", most), item("anvil-mobile-id", most)],
            vec![item("anvil-mobile-id", 1); 10_000],
        ] {
            let found = refused(Dialect::Shopify, order(&[("/line_items", Value::Array(items))]));
            assert_eq!(found, [named("line_items", "out-of-range")]);
        }
        let anvil = item("anvil-mobile-id", 1);
        let mixed = [anvil.clone(), anvil, json!({ "sku": null, "quantity": 1 }), item("cobalt-mobile-id", 1)];
        let found = refused(Dialect::Shopify, order(&[("/line_items", json!(mixed))]));
        assert_eq!(found, [named("line_items.2.sku", "unknown"), named("line_items.3.sku", "unknown")]);
    }

    #[test]
    fn shp_7_an_order_of_shopifys_has_every_fault_named() {
        // SHP-7, SHP-9
        let bare = json!({ "id": 1, "admin_graphql_api_id": "gid://shopify/Order/1", "financial_status": "paid" });
        let expected = [
            named("customer.last_name", "text-missing"),
            named("email", "email-missing"),
            named("currency", "currency-invalid"),
            named("line_items", "out-of-range"),
        ];
        assert_eq!(refused(Dialect::Shopify, bare.to_string()), expected);
        let long = [
            ("/customer", Value::Null),
            ("/billing_address/last_name", json!("x".repeat(81))),
            ("/total_price", json!("1e3")),
        ];
        let expected = [named("billing_address.last_name", "text-too-long"), named("total_price", "amount-invalid")];
        assert_eq!(refused(Dialect::Shopify, order(&long)), expected);
    }

    #[test]
    fn shp_7_an_order_of_shopifys_that_is_over_needs_no_lines() {
        // SHP-7: a product may be gone from the catalogue by then.
        for (pointer, value) in [("/financial_status", json!("refunded")), ("/cancelled_at", json!("2026-12-01"))] {
            for lines in [Value::Null, json!("none"), json!([{ "sku": 1, "quantity": -1 }])] {
                let body = order(&[(pointer, value.clone()), ("/line_items", lines.clone())]);
                assert!(told(Dialect::Shopify, body).is_ok_and(|told| told.ends_with(ID)), "{pointer} {lines}");
            }
        }
    }
}

proptest! {
    #[test]
    fn shp_7_any_text_is_read_or_refused(body in "\\PC{0,80}") {
        // SHP-7
        for (_, dialect) in Dialect::NAMES {
            let kinds = ["order.paid", "checkout.session.completed", "charge.refunded"];
            let typed = kinds.map(|kind| serde_json::json!({ "type": kind, "data": { "object": { "metadata": body } } }));
            for body in typed.map(|body| body.to_string()).iter().chain([&body]) {
                drop(told(dialect, body.as_str()));
            }
        }
    }
}

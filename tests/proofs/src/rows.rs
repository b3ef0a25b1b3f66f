//! Which requests are taken through every crash point, and which pairs through every order. A handler is added by adding a
//! row here.

use crate::{
    actors as by,
    crash::Row,
    pairs::{self, Pair},
    stage::{Ask, Compared, Stage, component},
};

/// Nothing comes before.
fn nothing(_: &mut Stage) {}

/// There is no next step that would prove more than the end state does.
fn no_next(_: &mut Stage) -> u16 {
    0
}

fn row(
    component_name: &'static str,
    case: &'static str,
    before: fn(&mut Stage),
    ask: fn(&Stage) -> Ask,
    ends: &'static [u16],
) -> Row {
    Row {
        component: component_name,
        case,
        before,
        serve: component,
        ask,
        ends,
        mends: &[],
        between: by::wait,
        then: no_next,
        in_parts: false,
        compared: Compared::Whole,
    }
}

impl Row {
    /// With a next step that has to work.
    fn then(self, then: fn(&mut Stage) -> u16) -> Self {
        Self { then, ..self }
    }

    /// With several commit points: each line of a bulk request is one, and so is each record that a sweep removes.
    fn in_parts(self) -> Self {
        Self { in_parts: true, ..self }
    }

    /// Of whose answer only the status is compared.
    fn by_status(self) -> Self {
        Self { compared: Compared::Status, ..self }
    }

    /// With something that the client does between two tries.
    fn between(self, between: fn(&mut Stage)) -> Self {
        Self { between, ..self }
    }

    /// With something that the client does after these answers before it asks again.
    fn after(self, mends: &'static [u16], between: fn(&mut Stage)) -> Self {
        Self { mends, between, ..self }
    }
}

/// Every handler that changes something, with every outcome that does.
pub fn rows() -> Vec<Row> {
    [
        invite(),
        promo_batches(),
        register(),
        operate(),
        administer(),
        account(),
        webstore(),
        payments(),
        fulfilment(),
        credentials(),
        launch(),
        sweeps(),
    ]
    .concat()
}

fn invite() -> Vec<Row> {
    vec![
        row("invite", "INV-2 by e-mail", nothing, by::invite, &[201]).then(by::open_invitation),
        row("invite", "INV-2 the partner hands the link over", nothing, by::invite_without_mail, &[201]),
        row("invite", "INV-3 again after the first has ended", by::invitation_expired, by::invite_again, &[201])
            .then(by::open_invitation),
        row("invite", "INV-3 one is pending", by::invited, by::invite_again, &[409]).then(by::open_invitation),
        row(
            "invite",
            "INV-7 for an organisation that exists",
            by::administrator_invited,
            by::accept_for_organisation,
            &[200],
        )
        .then(by::dashboard),
        row("invite", "INV-7 found on the dashboard", by::administrator_finds_invitation, by::accept_found, &[200])
            .then(by::dashboard),
        row("invite", "INV-2 another body under the same key", by::invited, by::invite_somebody_else, &[422]),
        row("invite", "INV-3 sent again", by::invited_by_id, by::resend, &[200]).then(by::open_invitation),
        row("invite", "INV-3 revoke", by::invited_by_id, by::revoke, &[200]).then(by::open_invitation),
        row("invite", "MSG-3 revoke, and the partner is told", by::invited_and_told, by::revoke, &[200]),
        row("invite", "MSG-3 an endpoint that wants no more", by::told_too_much, by::enable_endpoint, &[200]),
        row("invite", "MSG-3 a webhook sent again", by::told_too_much_and_enabled, by::replay, &[200]).by_status(),
        row("invite", "INV-9 two in one request", by::partner_known, by::invite_many, &[200])
            .then(by::open_invitation)
            .in_parts(),
    ]
}

fn promo_batches() -> Vec<Row> {
    vec![
        row("promo-batches", "SHP-2 a partner's batch", by::partner_known, by::order_own_batch, &[201])
            .then(by::own_promo_works),
        row(
            "promo-batches",
            "SHP-2 another batch under the same key",
            by::own_batch_ordered,
            by::order_another_own_batch,
            &[422],
        ),
    ]
}

fn register() -> Vec<Row> {
    vec![
        row("register", "REG-5 by invitation", by::invited, by::register_invited, &[201]),
        row(
            "register",
            "MSG-3 by invitation, and the partner is told",
            by::invited_and_told,
            by::register_invited,
            &[201],
        ),
        row("register", "APR-1 approved at once", by::invited_and_approved_at_once, by::register_invited, &[201])
            .then(by::open_activation),
        row("register", "REG-1 by the form's last page", by::form_filled_in, by::submit_form, &[303]),
        row("register", "REG-2 by the public form", by::captcha_solved, by::register_publicly, &[201]).then(by::follow),
        row("register", "REG-2 ask to be let in", by::captcha_solved_and_alike, by::ask_to_join, &[201]),
        row("register", "REG-7 a link instead of a captcha", nothing, by::ask_for_link, &[202])
            .then(by::open_confirmation),
        row("register", "REG-7 another link", by::link_sent, by::ask_for_link, &[202]).then(by::open_confirmation),
        row("register", "REG-7 by a confirmed mailbox", by::link_sent, by::register_confirmed, &[201]).then(by::follow),
        row("register", "INV-5 another submission on a used link", by::registered, by::register_from_elsewhere, &[404]),
    ]
}

fn operate() -> Vec<Row> {
    vec![
        // The code of a lost answer is used up: the next one is waited for.
        row("operate", "SIG-1 the first sign-in", by::operator_ready, by::operator_signs_in, &[200])
            .after(&[401], by::wait),
        row("operate", "SIG-1 another sign-in", by::on_duty_and_next_code, by::operator_signs_in, &[200])
            .after(&[401], by::wait),
        row("operate", "SIG-1 a wrong password", by::on_duty_and_next_code, by::operator_guesses, &[401]),
        row("operate", "SIG-1 enrol with the one-time secret", by::enrolment_open, by::enrol_first, &[200, 422])
            .then(by::enrolled_operator_works),
        row("operate", "SIG-1 mail a colleague a link", by::on_duty, by::invite_operator, &[200])
            .then(by::open_enrolment),
        row("operate", "SIG-1 enrol by a link", by::operator_invited, by::enrol_by_link, &[200, 404])
            .then(by::enrolled_operator_works),
        row("operate", "SIG-2 sign-out", by::on_duty, by::operator_signs_out, &[200]),
        row("operate", "APR-2 approve", by::waits_for_approval, by::approve, &[200, 409]).then(by::open_activation),
        row(
            "operate",
            "ACC-4 approve people who have accounts",
            by::waits_for_approval_again,
            by::approve,
            &[200, 409],
        ),
        row(
            "operate",
            "MSG-3 reject, and the partner is told",
            by::waits_for_approval_and_told,
            by::reject,
            &[200, 409],
        ),
        row("operate", "APR-1 reject", by::waits_for_approval, by::reject, &[200, 409]),
        row("operate", "SHP-2 promo batch", by::on_duty, by::order_batch, &[201]).then(by::promo_works),
        row("operate", "SHP-2 promo batch of two sheets", by::on_duty, by::order_spread_batch, &[201]),
        row("operate", "SHP-2 another batch on the same form", by::with_promo, by::order_another_batch, &[409]),
    ]
}

fn administer() -> Vec<Row> {
    vec![
        row("administer", "REG-2 let somebody in", by::somebody_asks, by::let_in, &[200, 409])
            .then(by::open_activation_of_cy),
        row("administer", "INV-7 let somebody in who is invited", by::somebody_invited_asks, by::let_in, &[200, 409])
            .then(by::open_activation_of_cy),
        row("administer", "REG-2 decline", by::somebody_asks, by::decline, &[200, 409]),
        row("administer", "INV-8 invite a person", by::activated, by::invite_person, &[201]).then(by::open_join),
        row("administer", "INV-8 enter a person", by::activated, by::enter_person, &[201])
            .then(by::open_activation_of_cy),
        row("administer", "INV-8 enter somebody who has an account", by::activated, by::enter_bo, &[201])
            .then(by::open_join),
        row("administer", "INV-8 accept", by::person_invited, by::join, &[200]).then(by::open_activation_of_cy),
        row("administer", "INV-8 take back", by::person_invited, by::take_person_back, &[200]),
    ]
}

fn account() -> Vec<Row> {
    vec![
        row("activate", "ACT-3 activate", by::approved, by::activate, &[200, 409]).then(by::password_works),
        row("sign-in", "SIG-1 sign in", by::activated, by::sign_in, &[200]).then(by::dashboard),
        row("sign-in", "SIG-1 a wrong password", by::activated, by::guess_password, &[401]).then(by::dashboard),
        row("sign-in", "SIG-1 an unknown account", by::activated, by::guess_account, &[401]),
        row("sign-in", "SIG-2 sign out", by::activated, by::sign_out, &[200]).then(by::dashboard),
        row("sign-in", "SIG-2 sign out everywhere", by::activated, by::sign_out_everywhere, &[200, 401]),
        row("sign-in", "SIG-2 change the password", by::activated, by::change_password, &[200, 401])
            .then(by::new_password_works),
        row("sign-in", "SIG-1 a wrong present password", by::activated, by::change_password_wrongly, &[422])
            .then(by::dashboard),
        row("sign-in", "SIG-3 ask for a link", by::activated, by::ask_once_for_reset, &[200]).then(by::open_reset),
        row("sign-in", "ACT-3 another activation link", by::activation_ended, by::ask_once_for_reset, &[200, 401])
            .then(by::open_activation),
        row("sign-in", "SIG-3 ask for a link to nobody", by::activated, by::ask_for_reset_of_nobody, &[200]),
        row("sign-in", "SIG-3 a new password by a code", by::reset_offered, by::reset_once_by_code, &[200, 404])
            .then(by::new_password_works),
        row("sign-in", "SIG-3 a wrong code", by::reset_offered, by::reset_by_wrong_code, &[422])
            .by_status()
            .then(by::open_reset),
        row(
            "sign-in",
            "SIG-3 a new password by answers",
            by::reset_offered_by_questions,
            by::reset_once_by_answers,
            &[200, 404],
        )
        .then(by::new_password_works),
        row("sign-in", "CRD-5 a code for a new password", by::reset_offered_by_phone, by::call_to_reset_once, &[200])
            .between(by::wait_a_little)
            .then(by::reset_by_text_works),
        row("sign-in", "SIG-3 a new password by a phone", by::called_to_reset, by::reset_once_by_text, &[200, 404])
            .then(by::new_password_works),
        row("sign-in", "ACC-4 choose an organisation", by::member_of_two, by::choose_organisation, &[200])
            .then(by::dashboard),
        row("accept-terms", "TRM-1 accept", by::terms_read, by::accept_terms, &[200]),
    ]
}

fn webstore() -> Vec<Row> {
    vec![
        row("webstore-checkout", "MSG-3 an order, and the partner is told", Stage::tell_anvil, by::webhook, &[200]),
        row("webstore-checkout", "SHP-3 order with a promo code", by::with_promo, by::place_order, &[201, 200]),
        row("webstore-checkout", "SHP-3 the code is taken", by::order_placed, by::place_another_order, &[422]),
        row(
            "webstore-checkout",
            "SHP-3 after a reservation has lapsed",
            by::reservation_lapsed,
            by::place_order,
            &[201, 200],
        ),
        row("webstore-checkout", "SHP-3 a dead order has the code", by::redemption_missing, by::place_order, &[422]),
        row(
            "webstore-checkout",
            "SHP-1 another order on a used form",
            by::order_placed,
            by::place_order_on_used_form,
            &[409],
        ),
        row("webstore-checkout", "SHP-2 a quote", by::with_promo, by::ask_quote, &[200]),
        row("webstore-checkout", "SHP-7 webhook", nothing, by::webhook, &[200]),
        row("webstore-checkout", "SHP-6 the mailed licence works", by::activated, by::webhook, &[200])
            .then(by::licence_works),
        row(
            "webstore-checkout",
            "SHP-7 webhook that contradicts",
            by::webhook_came,
            by::webhook_that_contradicts,
            &[202],
        ),
        row("webstore-checkout", "SHP-7 an order is created", nothing, by::webhook_created, &[200]),
        row("webstore-checkout", "SHP-7 cancelled before it is known", nothing, by::webhook_cancelled, &[200]),
        row("webstore-checkout", "SHP-7 paid after it was cancelled", by::cancellation_came, by::webhook, &[200]),
        row("webstore-checkout", "SHP-7 refunded while in use", by::one_licence_in_use, by::webhook_refunded, &[200]),
        row("webstore-checkout", "SHP-7 a dead letter", nothing, by::webhook_of_unknown_product, &[202]),
        row("webstore-checkout", "SHP-5 on an invoice", nothing, by::place_invoice, &[201, 200]),
        row("webstore-checkout", "LCH-1 ordered signed in", by::terms_accepted, by::place_own_invoice, &[201, 200])
            .then(by::dashboard),
        row("webstore-checkout", "SHP-1 hardware, with addresses", by::tokens_sold, by::place_token_order, &[201, 200]),
        row(
            "webstore-checkout",
            "SHP-5 on an invoice, with a code",
            by::with_half_promo,
            by::place_invoice_with_code,
            &[201, 200],
        ),
        row(
            "webstore-checkout",
            "SHP-2 the code of an order whose time is over",
            by::invoice_overdue,
            by::place_another_invoice_with_code,
            &[201, 200],
        )
        // That the other order has lapsed is a fact of its own.
        .in_parts(),
        // Whoever asks again at once is told that they are on their way.
        row("webstore-checkout", "SHP-6 licence keys sent again", by::keys_sent, by::send_keys_again, &[200])
            .by_status()
            .then(by::licence_works),
    ]
}

fn payments() -> Vec<Row> {
    vec![
        row("webstore-checkout", "SHP-5 by card", nothing, by::place_by_card, &[201, 200]),
        row("webstore-checkout", "SHP-1 cancelled", by::ordered_by_card_with_code, by::cancel_own_order, &[200]),
        row("payments", "SHP-5 to the payment page", by::ordered_by_card, by::go_to_pay, &[200]),
        row("payments", "SHP-5 paid by card", by::ordered_by_card_with_code, by::card_paid, &[200]),
        row("payments", "SHP-3 paid by card after it lapsed", by::card_lapsed, by::card_paid, &[200]),
        row("payments", "SHP-3 and its code is taken", by::code_taken_by_card, by::card_paid, &[200]),
        row("payments", "SHP-7 another sum is paid", by::ordered_by_card, by::card_paid_too_little, &[202]),
        row("payments", "SHP-7 refunded before it is paid", by::ordered_by_card_with_code, by::card_refunded, &[200]),
        row("payments", "SHP-7 paid after it is refunded", by::refund_came, by::card_paid, &[200]),
        row(
            "fulfilment",
            "SHP-7 such a letter replayed in vain",
            by::letter_of_payments_kept,
            by::replay_letter,
            &[200],
        ),
    ]
}

fn fulfilment() -> Vec<Row> {
    vec![
        row("fulfilment", "SHP-5 an invoice is paid", by::invoiced_with_code, by::pay_invoice, &[200]),
        row("fulfilment", "LCH-1 somebody's own order is paid", by::own_invoiced, by::pay_invoice, &[200])
            .then(by::licence_works),
        row("fulfilment", "SHP-3 paid after it lapsed", by::invoice_lapsed, by::pay_invoice, &[200]),
        row("fulfilment", "SHP-3 paid after it lapsed, and its code is taken", by::code_taken, by::pay_invoice, &[200]),
        row("fulfilment", "SHP-7 cancelled", by::invoiced_with_code, by::cancel_order, &[200]),
        row("fulfilment", "SHP-7 refunded", by::cancelled_after_payment, by::refund_order, &[200]),
        row("fulfilment", "SHP-7 looked at", by::cancelled_after_payment, by::review_order, &[200]),
        row("fulfilment", "SHP-6 licence keys sent again", by::keys_sent, by::send_keys_as_operator, &[200])
            .then(by::licence_works),
        row("fulfilment", "SHP-7 a dead letter replayed", by::letter_that_can_be_replayed, by::replay_letter, &[200]),
        row("fulfilment", "SHP-7 a dead letter replayed in vain", by::letter_kept, by::replay_letter, &[200]),
        row("fulfilment", "SHP-7 a dead letter dismissed", by::letter_kept, by::dismiss_letter, &[200]),
        row("fulfilment", "SHP-8 two tokens shipped", by::tokens_paid, by::ship_tokens, &[200]),
        row(
            "fulfilment",
            "SHP-8 a token that a dead request claimed",
            by::token_claimed_in_vain,
            by::ship_token,
            &[200],
        ),
        row("fulfilment", "SHP-8 a serial number corrected", by::token_shipped, by::correct_serial, &[200]),
        // Whoever sends it again is told what was shipped before.
        row("fulfilment", "SHP-8 a list of shipments", by::tokens_paid, by::import_shipments, &[200])
            .in_parts()
            .by_status(),
    ]
}

fn credentials() -> Vec<Row> {
    vec![
        row("credentials", "CRD-1 activate a licence", by::ordered, by::activate_licence, &[200]),
        row("credentials", "LCH-1 a licence of one's own order", by::own_paid, by::activate_licence, &[200]),
        row("credentials", "SHP-8 activate a licence with a token", by::token_shipped, by::activate_token, &[200]),
        row("credentials", "SHP-8 a wrong serial number", by::token_shipped, by::guess_serial, &[422]),
        row("credentials", "CRD-4 begin an enrolment", by::licensed, by::begin_enrolment, &[200]),
        row("credentials", "CRD-4 prove the app", by::enrolling, by::prove_enrolment, &[200, 409])
            .after(&[401, 403], by::sign_in_with_app_if_lost),
        row("credentials", "OTP-3 a wrong code", by::enrolling, by::prove_enrolment_wrongly, &[422]).by_status(),
        row("credentials", "CRD-5 a code to a new phone", by::licensed_for_phones, by::call_new_phone_once, &[200])
            .between(by::wait_a_little)
            .then(by::new_phone_works),
        row("credentials", "CRD-5 prove a phone", by::new_phone_called, by::prove_phone, &[200, 401]),
        row("credentials", "OTP-3 a wrong code for a phone", by::new_phone_called, by::prove_phone_wrongly, &[422])
            .by_status(),
        row("verify-otp", "OTP-3 a wrong code of a phone", by::phone_called, by::verify_text_wrongly, &[422])
            .by_status()
            .then(by::text_works),
        row("credentials", "CRD-9 remove a phone", by::two_phones, by::remove_phone, &[200]),
        row("verify-otp", "CRD-5 a code to a phone", by::phone_registered, by::call_phone_once, &[200])
            .between(by::wait_a_little)
            .then(by::text_works),
        row("verify-otp", "CRD-5 the code of a phone", by::phone_called, by::verify_text, &[200, 422])
            .after(&[401], by::sign_in_if_lost),
        row("verify-otp", "OTP-2 a right code", by::enrolled, by::verify_otp, &[200])
            .after(&[401], by::sign_in_if_lost),
        row("verify-otp", "OTP-3 a wrong code", by::enrolled, by::verify_otp_wrongly, &[422])
            .by_status()
            .then(by::dashboard),
    ]
}

fn launch() -> Vec<Row> {
    vec![
        row("launch", "LCH-2 authorize", by::cleared, by::authorize, &[303]).then(by::exchange_works),
        row("launch", "LCH-2 exchange the code", by::authorized, by::exchange, &[200]).after(&[400], by::launch_again),
        row("launch", "LCH-2 sign-out", by::asked_to_sign_out, by::sign_out_as_asked, &[303]).then(by::dashboard),
        row("launch", "LCH-2 a code that was exchanged", by::exchanged, by::exchange, &[400]),
    ]
}

/// The sweep itself, at what it removes and carries out.
fn sweeps() -> Vec<Row> {
    let row = |case, before| row("sweep", case, before, by::sweep, &[200]).between(by::turn_over).by_status();
    vec![
        row("OPS-3 effects of a dead request", by::invitation_not_mailed).then(by::open_invitation),
        row("SHP-6 licences of an order that never came to be", by::licences_without_order).then(by::nothing_unnamed),
        row("SHP-2 codes of a batch that never came to be", by::codes_without_batch).then(by::nothing_unnamed),
        row("SHP-2 a batch that is over", by::batch_over).then(by::nothing_unnamed).in_parts(),
        row("SHP-2 an order whose time is over", by::invoice_overdue_now),
        row("MSG-3 a webhook that is due again", by::webhook_due),
        row("INV-3 an invitation that is over", by::slot_over).then(by::invite_works),
        row("INV-3 an invitation that is condemned", by::slot_condemned).then(by::invite_works),
    ]
}

fn pair(case: &'static str, before: fn(&mut Stage), one: fn(&Stage) -> Ask, two: fn(&Stage) -> Ask) -> Pair {
    let compared = Compared::Whole;
    Pair {
        case,
        before,
        serve: component,
        asks: [one, two],
        compared,
        between: pairs::wait,
        besides: None,
        long: false,
    }
}

impl Pair {
    /// Of whose answers only the status is compared.
    fn by_status(self) -> Self {
        Self { compared: Compared::Status, ..self }
    }

    /// After which such a line may be there or not.
    fn besides(self, line: &'static str) -> Self {
        Self { besides: Some(line), ..self }
    }

    /// Of which all the orders take minutes.
    fn long(self) -> Self {
        Self { long: true, ..self }
    }

    /// In which the sweep goes on while somebody waits.
    fn swept(self) -> Self {
        Self { between: pairs::wait_for_the_sweep, ..self.by_status() }
    }
}

/// Every pair of requests that change something and can meet.
pub fn pairs() -> Vec<Pair> {
    [suppliers_meet(), orders_meet(), factors_meet(), sweeps_meet()].concat()
}

/// From the invitation to the terms.
fn suppliers_meet() -> Vec<Pair> {
    vec![
        pair("INV-2 one invitation twice", by::partner_known, by::invite, by::invite),
        pair("INV-3 two invitations of one e-mail", by::partner_known, by::invite, by::invite_again),
        pair("INV-3 sent again twice by one request", by::invited_by_id, by::resend, by::resend),
        pair("INV-3 sent again against revoke", by::invited_by_id, by::resend, by::revoke),
        pair("INV-9 two bulk requests under one key", by::partner_known, by::invite_many, by::invite_many),
        pair("MSG-3 one webhook sent again twice", by::told_too_much_and_enabled, by::replay, by::replay).by_status(),
        pair("MSG-3 enabled while one is sent again", by::told_too_much, by::enable_endpoint, by::replay),
        pair("INV-3 revoke against another invitation", by::invited_by_id, by::revoke, by::invite_again),
        pair("REG-5 one submission twice", by::invited, by::register_invited, by::register_invited),
        pair("REG-5 two submissions of one invitation", by::invited, by::register_invited, by::register_from_elsewhere),
        pair("REG-5 one form submitted from two tabs", by::form_filled_in, by::submit_form, by::submit_form),
        pair("REG-7 two requests for a link", nothing, by::ask_for_link, by::ask_for_link),
        pair(
            "APR-1 one submission twice, approved at once",
            by::invited_and_approved_at_once,
            by::register_invited,
            by::register_invited,
        )
        .long(),
        pair(
            "REG-7 one captcha, a request and a registration",
            by::captcha_solved_and_alike,
            by::ask_to_join,
            by::register_on_same_captcha,
        ),
        pair(
            "INV-7 acceptance against submission",
            by::administrator_invited,
            by::accept_for_organisation,
            by::register_invited,
        ),
        pair(
            "INV-7 one acceptance twice",
            by::administrator_invited,
            by::accept_for_organisation,
            by::accept_for_organisation,
        ),
        pair(
            "INV-7 acceptance by the link against the dashboard's",
            by::administrator_finds_invitation,
            by::accept_for_organisation,
            by::accept_found,
        ),
        pair("INV-7 acceptance against revoke", by::administrator_invited, by::accept_for_organisation, by::revoke),
        pair(
            "INV-7 acceptance against sending again",
            by::administrator_invited,
            by::accept_for_organisation,
            by::resend,
        ),
        pair(
            "INV-7 acceptance against another invitation",
            by::administrator_invited,
            by::accept_for_organisation,
            by::invite_again,
        ),
        pair("INV-7 an offer sent again against revoke", by::administrator_invited, by::resend, by::revoke),
        pair("INV-7 an offer revoked against another one", by::administrator_invited, by::revoke, by::invite_again),
        pair(
            "INV-7 an offer to whose organisation is approved against revoke",
            by::waits_for_approval_and_invited,
            by::approve,
            by::revoke,
        ),
        pair("INV-3 a submission against revoke", by::invited_by_id, by::register_invited, by::revoke),
        pair("INV-3 a submission against sending again", by::invited_by_id, by::register_invited, by::resend),
        pair("INV-3 a submission against another invitation", by::invited, by::register_invited, by::invite_again),
        pair("APR-3 two approvals", by::waits_for_approval_alone, by::approve, by::approve).long(),
        pair("APR-3 approve against reject", by::waits_for_approval_alone, by::approve, by::reject),
        pair("ACC-4 one person in two approvals", by::two_registrations_wait, by::approve, by::approve_another).long(),
        pair("REG-2 two administrators decide", by::somebody_asks, by::let_in, by::decline),
        pair("INV-8 accept against take back", by::person_invited, by::join, by::take_person_back),
        pair("INV-8 one link accepted twice", by::person_invited, by::join, by::join),
        pair("INV-8 one form twice", by::activated, by::invite_person, by::invite_person),
        pair("ACT-3 two activations", by::approved, by::activate, by::activate_elsewhere),
        pair("TRM-1 two acceptances", by::terms_read, by::accept_terms, by::accept_terms_too),
    ]
}

/// Around orders and promo codes.
fn orders_meet() -> Vec<Pair> {
    vec![
        pair("SHP-3 two orders, one promo code", by::with_promo, by::place_order, by::place_another_order),
        pair("SHP-3 one order twice", by::with_promo, by::place_order, by::place_order),
        pair(
            "SHP-3 two orders, a dead one has the code",
            by::redemption_missing,
            by::place_order,
            by::place_another_order,
        ),
        pair("SHP-7 two webhooks of one order", nothing, by::webhook, by::webhook_of_same_order),
        pair("SHP-7 webhook against the page", by::with_promo, by::webhook, by::place_order),
        pair("SHP-2 two batches on one form", by::on_duty, by::order_batch, by::order_another_batch),
        pair("SHP-2 one promo batch twice", by::on_duty, by::order_batch, by::order_batch),
        pair("SHP-7 paid against cancelled", nothing, by::webhook, by::webhook_cancelled),
        pair("SHP-7 paid against created", nothing, by::webhook, by::webhook_created),
        pair("SHP-7 refunded against activation", by::ordered, by::webhook_refunded, by::activate_licence),
        pair("SHP-5 one invoice paid twice", by::invoiced, by::pay_invoice, by::pay_invoice),
        pair("SHP-5 paid against cancelled", by::invoiced_with_code, by::pay_invoice, by::cancel_order),
        pair("LCH-1 one's own order paid against cancelled", by::own_invoiced, by::pay_invoice, by::cancel_order),
        pair(
            "LCH-1 one's own token shipped against activated by another",
            by::own_tokens_paid,
            by::ship_token,
            by::activate_token_of_ada,
        ),
        pair("LCH-1 one's own order activated against refunded", by::own_paid, by::activate_licence, by::refund_order),
        pair(
            "SHP-3 a payment against an order that wants the code",
            by::invoice_overdue,
            by::pay_invoice,
            by::place_another_invoice_with_code,
        )
        // Its customer may be told that it has lapsed, and at once that it is paid.
        .besides("has lapsed"),
        pair(
            "SHP-3 a late payment against an order that wants the code",
            by::invoice_lapsed,
            by::pay_invoice,
            by::place_another_invoice_with_code,
        ),
        pair("SHP-5 one payment by card told twice", by::ordered_by_card_with_code, by::card_paid, by::card_paid),
        pair("SHP-5 to the payment page against its payment", by::ordered_by_card, by::go_to_pay, by::card_paid)
            .by_status(),
        pair("SHP-1 cancelled against paid by card", by::ordered_by_card, by::cancel_own_order, by::card_paid)
            .by_status(),
        pair("SHP-7 paid by card against refunded", by::ordered_by_card, by::card_paid, by::card_refunded),
        pair(
            "SHP-3 a payment by card against an order that wants the code",
            by::card_overdue,
            by::card_paid,
            by::place_another_by_card_with_code,
        )
        // Its customer may be told that it has lapsed, and at once that it is paid.
        .besides("has lapsed"),
        pair("SHP-6 new licence keys against activation", by::keys_sent, by::send_keys_again, by::activate_licence),
        pair("SHP-6 new licence keys twice", by::keys_sent, by::send_keys_again, by::send_keys_again).by_status(),
        pair(
            "SHP-7 a dead letter replayed against the webhook itself",
            by::letter_that_can_be_replayed,
            by::replay_letter,
            by::webhook_of_unknown_product,
        ),
        pair(
            "SHP-7 a dead letter replayed against its dismissal",
            by::letter_that_can_be_replayed,
            by::replay_letter,
            by::dismiss_letter,
        )
        .by_status(),
        pair("SHP-7 refunded against looked at", by::cancelled_after_payment, by::refund_order, by::review_order),
        pair("SHP-6 new licence keys for two", by::keys_sent, by::send_keys_again, by::send_keys_as_operator)
            .by_status(),
        pair("SHP-8 shipped against refunded", by::tokens_paid, by::ship_token, by::refund_token_order),
        pair("SHP-8 one serial number in two orders", by::tokens_paid, by::ship_token, by::ship_token_elsewhere),
        pair("SHP-8 one parcel twice", by::tokens_paid, by::ship_tokens, by::ship_tokens),
        pair("SHP-8 a parcel against a list", by::tokens_paid, by::ship_token, by::import_shipments).by_status().long(),
        pair("SHP-8 a correction against an activation", by::token_shipped, by::correct_serial, by::activate_token),
        pair(
            "SHP-8 one token, two licences",
            by::token_shipped,
            by::activate_token,
            by::activate_another_with_same_token,
        ),
        pair("SHP-2 one partner's batch twice", by::partner_known, by::order_own_batch, by::order_own_batch),
    ]
}

/// Sign-in, credentials, second factors and launches.
fn factors_meet() -> Vec<Pair> {
    vec![
        pair("SIG-1 two sign-ins of one operator", by::operator_ready, by::operator_signs_in, by::operator_signs_in),
        pair(
            "SIG-1 one secret, two operators enrol",
            by::enrolment_open,
            by::enrol_first,
            by::enrol_first_as_registrar,
        )
        .by_status(),
        pair("SIG-1 one colleague is invited twice", by::on_duty, by::invite_operator, by::invite_operator),
        pair(
            "SIG-2 an operator's sign-out against a decision",
            by::waits_for_approval_alone,
            by::operator_signs_out,
            by::approve,
        ),
        pair("SIG-1 a guess against the right password", by::activated, by::guess_password, by::sign_in),
        pair("SIG-2 two sign-ins of one person", by::activated, by::sign_in, by::sign_in),
        pair("SIG-2 sign-out against acceptance", by::terms_read, by::sign_out, by::accept_terms),
        pair("SIG-3 two requests for a link", by::activated, by::ask_for_reset, by::ask_for_reset),
        pair(
            "ACC-4 a choice against sign-out everywhere",
            by::member_of_two,
            by::choose_organisation,
            by::sign_out_everywhere,
        ),
        pair(
            "LCH-2 sign-out as asked against sign-out everywhere",
            by::asked_to_sign_out,
            by::sign_out_as_asked,
            by::sign_out_everywhere,
        ),
        pair("SIG-3 a new password against a sign-in", by::reset_offered, by::reset_by_code, by::sign_in),
        pair("SIG-3 one link used twice", by::reset_offered, by::reset_by_code, by::reset_elsewhere),
        pair(
            "SIG-2 a new password against sign-out everywhere",
            by::activated,
            by::change_password,
            by::sign_out_everywhere,
        ),
        pair("CRD-1 two people, one licence", by::ordered, by::activate_licence, by::activate_licence_too),
        pair("CRD-1 two licences of one person", by::ordered, by::activate_licence, by::activate_another_licence),
        pair("CRD-1 one activation twice", by::ordered, by::activate_licence, by::activate_licence),
        pair("CRD-4 two offers of a seed", by::licensed, by::begin_enrolment, by::begin_enrolment),
        pair("CRD-4 proof against a new offer", by::enrolling, by::prove_enrolment, by::begin_enrolment),
        pair("OTP-2 one code twice", by::enrolled, by::verify_otp, by::verify_otp),
        pair(
            "OTP-2 one code from two browsers",
            by::enrolled_with_two_browsers,
            by::verify_otp,
            by::verify_otp_elsewhere,
        ),
        pair(
            "OTP-3 a right code against a wrong one",
            by::enrolled_with_two_browsers,
            by::verify_otp,
            by::verify_otp_wrongly_elsewhere,
        ),
        pair("CRD-5 one wish for a code twice", by::phone_registered, by::call_phone, by::call_phone),
        pair("CRD-5 codes to two new phones", by::licensed_for_phones, by::call_new_phone, by::call_other_new_phone),
        pair("CRD-5 one code of a phone twice", by::phone_called, by::verify_text, by::verify_text),
        pair("CRD-5 one proof of a phone twice", by::new_phone_called, by::prove_phone, by::prove_phone),
        pair(
            "OTP-3 a right code of a phone against a wrong one",
            by::phone_called,
            by::verify_text,
            by::verify_text_wrongly,
        )
        .by_status(),
        pair("CRD-5 a code against a further one", by::phone_called, by::verify_text, by::call_phone),
        pair("CRD-9 the last two phones are removed", by::two_phones, by::remove_phone, by::remove_other_phone),
        pair("CRD-5 a removal against a code", by::two_phones, by::remove_phone, by::call_phone),
        pair(
            "CRD-5 a wish for a code against a reset's",
            by::reset_offered_by_phone,
            by::call_to_reset,
            by::call_phone,
        ),
        pair("SIG-2 a right code against sign-out", by::enrolled, by::verify_otp, by::sign_out),
        pair("LCH-2 two launches of one person", by::cleared, by::authorize, by::authorize),
        pair("LCH-2 one code exchanged twice", by::authorized, by::exchange, by::exchange),
    ]
}

/// The sweep, and those whose work it does or whose records it removes (OPS-3).
fn sweeps_meet() -> Vec<Pair> {
    vec![
        pair("OPS-3 an invitation sent again under its key", by::invitation_not_mailed, by::sweep, by::invite)
            .by_status(),
        pair("OPS-3 a submission repeated that is not entered", by::not_entered, by::sweep, by::register_invited)
            .by_status()
            .long(),
        pair(
            "OPS-3 an acceptance repeated that is not entered",
            by::acceptance_not_entered,
            by::sweep,
            by::accept_for_organisation,
        )
        .by_status()
        .long(),
        pair("OPS-3 a webhook that comes again", by::licences_without_order, by::sweep, by::webhook).by_status(),
        pair("OPS-3 a batch ordered again", by::codes_without_batch, by::sweep, by::order_batch).by_status(),
        pair("SHP-2 an order by card lapses against its payment", by::card_overdue, by::sweep, by::card_paid)
            .by_status()
            .long(),
        pair("SHP-2 an order lapses against its payment", by::invoice_overdue_and_on_duty, by::sweep, by::pay_invoice)
            .by_status()
            .long(),
        pair("OPS-3 a webhook that is sent again by hand", by::webhook_due, by::sweep, by::replay).by_status().long(),
        pair("OPS-3 an invitation where one is over", by::slot_over, by::sweep, by::invite_again).swept(),
        pair("OPS-3 an invitation where one is condemned", by::slot_condemned, by::sweep, by::invite_again).swept(),
        pair("OPS-3 an order with a code that is over", by::batch_over, by::sweep, by::place_order).swept(),
        pair("OPS-3 an invitation repeated whose claim is over", by::claim_over, by::sweep, by::invite).swept(),
        pair("OPS-3 two sweeps", by::invitation_not_mailed, by::sweep, by::sweep).by_status(),
    ]
}

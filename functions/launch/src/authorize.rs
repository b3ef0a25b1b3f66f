//! `GET,POST /launch/authorize`: the application asks for a person (OpenID Connect Core 1.0, 3.1.2).
//!
//! What is wrong with client or redirect URI is shown to the person; everything else goes back to the application.
//! Whoever has something to do first is sent there and comes back to this same address.

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, cookies, request::TARGET_BYTES_MAX, serve::CHOOSE_ORGANISATION,
};
use shared::{
    audit::Action,
    decision::Decision,
    launch::{
        AuthorizationCode, Cleared, Intent,
        request::{Authorization, AuthorizationError, Parameters, Pause, WayBack},
    },
    refusal::Refusal,
};

use crate::api;

const PATH: &str = "/launch/authorize";

/// A request that comes as a form goes on as a query, with which the browser sends the session's cookie.
pub(crate) fn as_get(request: &Request) -> Outcome {
    let parameters = request.form_pairs()?;
    let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(Reply::see_other(api::with_query(PATH, &pairs)))
}

/// Issues a code, or says what comes first.
pub(crate) async fn authorize<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let parameters = Parameters::new(request.query_pairs());
    let Some(way_back) = WayBack::find(&parameters, &edge.gateway) else {
        return Ok(edge.show_problem(request, &api::not_registered()));
    };
    let back = |error| Ok(Reply::see_other(api::error_redirect(&way_back, error, &edge.public_url)));
    let authorization = match Authorization::parse(&parameters, &way_back) {
        Ok(authorization) => authorization,
        Err(error) => return back(error),
    };
    // 2. Authenticate.
    let session = match edge.session_account(request).await {
        Ok(session) => Some(session),
        Err(Failure::Refused(Refusal::NotSignedIn)) => None,
        Err(failure) => return Err(failure),
    };
    let person = session.as_ref().map(|(cookie, account)| edge.confirm_session(cookie, account));
    let here = format!("{PATH}?{}", request.query);
    // The person comes back by an address that carries this one whole, or is not led away.
    let by_way_of = |path| {
        let address = api::with_query(path, &[("continue", &here)]);
        if address.len() > TARGET_BYTES_MAX {
            back(AuthorizationError::TOO_LONG)
        } else {
            Ok(Reply::see_other(address))
        }
    };
    let person = match person {
        Some(Ok(person)) => person,
        Some(Err(Refusal::OrganisationNotChosen)) if authorization.silent => {
            return back(AuthorizationError::InteractionRequired);
        }
        Some(Err(Refusal::OrganisationNotChosen)) => return by_way_of(CHOOSE_ORGANISATION),
        Some(Err(_)) | None if authorization.silent => return back(AuthorizationError::LoginRequired),
        Some(Err(_)) | None => return by_way_of("/sign-in"),
    };
    // 4. Load.
    let organisation = crate::organisation(edge, &person).await?;
    let application = way_back.application;
    let intent = crate::intent(edge, request, &person, application);
    // 5. Decide.
    match authorization.decide(&person, &organisation, application, &edge.gateway, intent.as_ref(), edge.now) {
        Ok(cleared) => issue(edge, &cleared, &way_back, authorization).await,
        Err(Pause::Refused(error)) => back(error),
        Err(Pause::SecondFactor) => {
            if intent.is_none() {
                crate::keep(edge, &Intent::begin(person.account.id, &application.id, edge.now));
            }
            by_way_of("/verify-otp")
        }
        Err(Pause::Journey) => Ok(Reply::see_other(format!("/launch/{}", application.id))),
    }
}

/// The launch ends here: its cookie goes, so that the next one asks anew.
async fn issue<P: Platform>(
    edge: &Edge<P>,
    cleared: &Cleared<'_>,
    way_back: &WayBack<'_>,
    authorization: Authorization,
) -> Outcome {
    let (code, token) = AuthorizationCode::issue(cleared, authorization.request, &edge.keys, edge.now, &mut edge.rng());
    // 6. Commit.
    let id = code.id;
    edge.insert(&id, Decision::quiet(Action::Launch, code)).await?;
    // 7. Respond.
    edge.clear_cookie(cookies::LAUNCH);
    Ok(Reply::see_other(api::code_redirect(way_back, &token.reveal(), &edge.public_url)))
}

//! `GET,POST /launch/logout`: an application signs a person out (RP-Initiated Logout 1.0).
//!
//! The request asks and changes nothing, whoever sent it; the answer to our own page's form ends the session.

use edge::{Change, Edge, Failure, Outcome, Platform, Reply, Request, cookies};
use http::StatusCode;
use shared::{
    account::Account,
    audit::Actor,
    launch::request::{Parameters, after_logout},
    refusal::Refusal,
};

use crate::{
    api::{self, LogoutPage, Onward},
    jose::Signer,
};

/// What the page's form repeats of the request.
const REPEATED: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// Shows the question, or goes straight back when nobody is signed in.
pub(crate) fn ask<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let parameters = Parameters::new(request.query_pairs());
    let hinted = hinted_client(edge, &parameters)?;
    let signed_in = edge.session_cookie(request).is_some();
    if !signed_in && let Some(next) = next(edge, &parameters, hinted.as_deref()) {
        return Ok(Reply::see_other(next));
    }
    let application = hinted.and_then(|client| edge.gateway.application(&client.parse().ok()?));
    let repeated = |name: &'static str| Some((name, parameters.get(name)?.to_owned()));
    let page = LogoutPage {
        title: "Sign out",
        signed_in,
        application: application.map(|application| application.name.clone()),
        repeated: REPEATED.into_iter().filter_map(repeated).collect(),
    };
    edge.show(request, StatusCode::OK, &page)
}

/// Ends the session when our own page asks for it. An application's request that comes as a form goes on as a query,
/// with which the browser sends the session's cookie.
pub(crate) async fn answer<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let pairs = request.form_pairs()?;
    let parameters = Parameters::new(pairs);
    let Some(token) = parameters.get("csrf") else {
        let repeated = REPEATED.into_iter().filter_map(|name| Some((name, parameters.get(name)?)));
        return Ok(Reply::see_other(api::with_query("/launch/logout", &repeated.collect::<Vec<_>>())));
    };
    edge.require_same_site(request, Some(token))?;
    let hinted = hinted_client(edge, &parameters)?;
    // 2. Authenticate, 4. load, 5. decide, 6. commit.
    end_session(edge, request).await?;
    // 7. Respond.
    edge.clear_cookie(cookies::SESSION);
    edge.clear_cookie(cookies::LAUNCH);
    let next = next(edge, &parameters, hinted.as_deref()).unwrap_or_else(|| "/sign-in".to_owned());
    edge.done(request, &next, StatusCode::OK, &Onward { location: &next })
}

/// A session that has ended already is as good as one that ends now.
async fn end_session<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<(), Failure> {
    let Some(cookie) = edge.session_cookie(request) else {
        return Ok(());
    };
    edge.acts(Actor::Person(cookie.account));
    let ended = edge
        .transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            account.session(&cookie.secret(), cookie.seen_at, edge.now)?;
            Ok(Change::from(account.sign_out(&cookie.secret())))
        })
        .await;
    match ended {
        Ok(_) | Err(Failure::Refused(Refusal::NotSignedIn)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn hinted_client<P: Platform>(edge: &Edge<P>, parameters: &Parameters) -> Result<Option<String>, Failure> {
    let Some(hint) = parameters.get("id_token_hint") else {
        return Ok(None);
    };
    Ok(Signer::new(&edge.keys, &edge.public_url)?.verify_hint(hint))
}

fn next<P: Platform>(edge: &Edge<P>, parameters: &Parameters, hinted: Option<&str>) -> Option<String> {
    let uri = after_logout(parameters, hinted, &edge.gateway)?;
    let state: Vec<(&str, &str)> = parameters.get("state").map(|state| ("state", state)).into_iter().collect();
    Some(api::with_query(uri, &state))
}

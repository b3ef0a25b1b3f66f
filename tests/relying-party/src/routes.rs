//! The routes: each finds its application, does one step, and answers with a page or a redirect.

use std::{net::SocketAddr, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use openidconnect::{PostLogoutRedirectUrl, RedirectUrl, url::Url};
use serde::Deserialize;

use crate::{
    Application, Config,
    oidc::{Fault, Pending, Person, Provider},
    pages,
    sessions::Sessions,
};

const COOKIE_NAME: &str = "relying-party";
/// No request has a body worth reading.
const BODY_LIMIT: usize = 1_024;

struct App {
    base: Url,
    applications: Vec<Application>,
    provider: Provider,
    sessions: Sessions<Stage>,
}

/// What a session stands for.
#[derive(Clone)]
enum Stage {
    SigningIn(Arc<Pending>),
    SignedIn(Arc<Person>),
}

/// A request of third-party initiated login.
#[derive(Deserialize)]
struct Initiation {
    iss: Option<String>,
    target_link_uri: Option<String>,
}

/// The provider's answer to the authorization request (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A step that was refused, with what the person can do about it.
struct Refused {
    status: StatusCode,
    title: &'static str,
    detail: String,
    next: &'static str,
}

type Answered = Result<Response, Refused>;

pub(crate) fn router(config: Config, address: SocketAddr) -> anyhow::Result<Router> {
    let base = Url::parse(&format!("http://{address}/"))?;
    let headers = security_headers(config.issuer.url())?;
    let app = App {
        base,
        applications: config.applications,
        provider: Provider::new(config.issuer, config.acr_values)?,
        sessions: Sessions::new(),
    };
    let router = Router::new()
        .route("/", get(index))
        .route("/style.css", get(style))
        .route("/{client}", get(home))
        .route("/{client}/", get(home))
        .route("/{client}/login", get(login))
        .route("/{client}/callback", get(callback))
        .route("/{client}/logout", post(logout))
        .fallback(|| async { Refused::unknown() })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::map_response(move |mut response: Response| {
            let headers = headers.clone();
            async move {
                response.headers_mut().extend(headers);
                response
            }
        }));
    Ok(router.with_state(Arc::new(app)))
}

async fn index(State(app): State<Arc<App>>) -> Response {
    page(&pages::Index { applications: &app.applications })
}

async fn style() -> Response {
    let sheet = include_str!("../assets/style.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], sheet).into_response()
}

async fn home(State(app): State<Arc<App>>, Path(client): Path<String>, headers: HeaderMap) -> Answered {
    let application = app.application(&client)?;
    let title = pages::heading(&application.client_id);
    let issuer = app.provider.issuer.as_str();
    Ok(match session(&headers).and_then(|id| app.sessions.look(id)) {
        Some(Stage::SignedIn(person)) => {
            page(&pages::SignedIn { title: &title, client: &client, issuer, claims: pages::claims(&person) })
        }
        _ => page(&pages::Welcome { title: &title, client: &client, issuer }),
    })
}

/// Starts a sign-in: at the provider's request, or at the person's own (without `iss`).
async fn login(
    State(app): State<Arc<App>>,
    Path(client): Path<String>,
    Query(initiation): Query<Initiation>,
    headers: HeaderMap,
) -> Answered {
    let application = app.application(&client)?;
    if let Some(iss) = &initiation.iss
        && iss != app.provider.issuer.as_str()
    {
        return Err(Refused::request(format!("This application does not trust the provider {iss}.")));
    }
    let target = app.target(application, initiation.target_link_uri.as_deref())?;
    let redirect = app.redirect(application)?;
    let (address, pending) = app.provider.begin(application, redirect, target).await?;
    if let Some(previous) = session(&headers) {
        app.sessions.end(previous);
    }
    let id = app.sessions.begin(Stage::SigningIn(Arc::new(pending)));
    Ok(see_other(&address, application, &id))
}

/// Finishes a sign-in that this browser started, once.
async fn callback(
    State(app): State<Arc<App>>,
    Path(client): Path<String>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Answered {
    let application = app.application(&client)?;
    let not_ours = || Refused::request("This sign-in was not started in this browser, or took too long.".into());
    let id = session(&headers).ok_or_else(not_ours)?;
    let pending = match app.sessions.look(id) {
        Some(Stage::SigningIn(pending)) if answer.state.as_deref() == Some(pending.state.secret()) => pending,
        _ => return Err(not_ours()),
    };
    app.sessions.end(id).ok_or_else(not_ours)?;
    // Whoever looked at the same moment still holds a copy; then nobody finishes.
    let pending = Arc::into_inner(pending).ok_or_else(not_ours)?;
    if let Some(iss) = answer.iss
        && iss != app.provider.issuer.as_str()
    {
        return Err(Refused::request(format!("The answer came from {iss}.")));
    }
    let Some(code) = answer.code else {
        let error = answer.error.unwrap_or_else(|| "no code".into());
        let description = answer.error_description.unwrap_or_default();
        return Err(Refused::request(format!("The provider answered: {error}. {description}")));
    };
    let target = pending.target.clone();
    let redirect = app.redirect(application)?;
    let person = app.provider.finish(application, redirect, pending, code).await?;
    let id = app.sessions.begin(Stage::SignedIn(Arc::new(person)));
    Ok(see_other(&target, application, &id))
}

async fn logout(State(app): State<Arc<App>>, Path(client): Path<String>, headers: HeaderMap) -> Answered {
    let application = app.application(&client)?;
    let home = app.home(application)?;
    let ended = session(&headers).and_then(|id| app.sessions.end(id));
    let Some(Stage::SignedIn(person)) = ended else {
        return Ok(see_other(&home, application, ""));
    };
    let back = PostLogoutRedirectUrl::from_url(home);
    let address = app.provider.logout(application, &person, back).await?;
    Ok(see_other(&address, application, ""))
}

impl App {
    fn application(&self, client_id: &str) -> Result<&Application, Refused> {
        let mut applications = self.applications.iter();
        applications.find(|application| application.client_id == client_id).ok_or_else(Refused::unknown)
    }

    fn home(&self, application: &Application) -> Result<Url, Refused> {
        self.address(&application.client_id)
    }

    fn redirect(&self, application: &Application) -> Result<RedirectUrl, Refused> {
        let address = self.address(&format!("{}/callback", application.client_id))?;
        Ok(RedirectUrl::from_url(address))
    }

    fn address(&self, path: &str) -> Result<Url, Refused> {
        let joined = self.base.join(path);
        joined.map_err(|_| Refused::request("The application's own address is not valid.".into()))
    }

    /// Where to go after the sign-in: only to a page of this application, else anybody could use it
    /// to send people elsewhere.
    fn target(&self, application: &Application, wanted: Option<&str>) -> Result<Url, Refused> {
        let home = self.home(application)?;
        let Some(wanted) = wanted else {
            return Ok(home);
        };
        match Url::parse(wanted) {
            Ok(target) if target.origin() == home.origin() && target.path().trim_end_matches('/') == home.path() => {
                Ok(target)
            }
            _ => Err(Refused::request(format!("{wanted} is not a page of this application."))),
        }
    }
}

impl Refused {
    fn unknown() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            title: "Page not found",
            detail: "There is no such page in this application.".into(),
            next: "Start again from your dashboard.",
        }
    }

    fn request(detail: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "You could not be signed in",
            detail,
            next: "Start again from your dashboard.",
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            title: "You could not be signed in",
            detail: format!("The application gives this reason: {fault}."),
            next: "Start again from your dashboard. If it happens again, show this page to your support.",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = pages::Problem { title: self.title, detail: &self.detail, next: self.next };
        match problem.render() {
            Ok(page) => (self.status, Html(page)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Sends the browser on, with its session's identifier; an empty one takes the cookie away.
fn see_other(address: &Url, application: &Application, id: &str) -> Response {
    let lifetime = if id.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{COOKIE_NAME}={id}; Path=/{}; HttpOnly; SameSite=Lax{lifetime}", application.client_id);
    let headers = [(LOCATION, address.to_string()), (SET_COOKIE, cookie)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The session's identifier from the browser's cookies.
fn session(headers: &HeaderMap) -> Option<&str> {
    let mut cookies =
        headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(';'));
    cookies.find_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// Browsers apply `form-action` to the redirects after a form too, so the provider that ends the
/// session has to be named.
fn security_headers(issuer: &Url) -> anyhow::Result<HeaderMap> {
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        issuer.origin().ascii_serialization()
    );
    Ok(HeaderMap::from_iter([
        (CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy)?),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]))
}

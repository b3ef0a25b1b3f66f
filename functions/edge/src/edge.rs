//! What one request has at hand: configuration, keys, time, the store, and the loop that commits decisions.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use futures_util::future::try_join_all;
use http::StatusCode;
use kv_schema::{
    key::Key,
    kv::{Created, Kv, Replaced, Seen},
    list::EntryId,
    record::{Record, Stored},
    records::Swept,
};
use shared::{
    account::{Account, Session, SignedIn},
    audit::{Actor, Origin},
    config::Gateway,
    decision::{Counted, Decision},
    refusal::Refusal,
    registration::Registration,
    secret::{Entropy, IndexPurpose, Keys, MacPurpose, SealPurpose, SessionSecret},
    values::{RegistrationId, Seconds, Timestamp},
};

use crate::{
    assets::stylesheet_path,
    cookies,
    drain::Hands,
    failure::{BadRequest, Failure, Outcome},
    form::FormFaults,
    platform::Platform,
    reply::Reply,
    request::{Encoding, Request},
    session::{REFRESH_AFTER, SessionCookie, open_text, seal_text},
    view::{self, Frame, View},
};

/// How often a decision is made anew because somebody else changed the record meanwhile.
pub const DECIDE_TRIES: u32 = 6;
/// When somebody who met others writing should try again.
pub const BUSY_RETRY_AFTER: Seconds = Seconds(2);

/// One request's surroundings.
pub struct Edge<P> {
    /// The platform.
    pub platform: P,
    /// The configuration.
    pub gateway: Arc<Gateway>,
    /// Keys derived from the root secret.
    pub keys: Arc<Keys>,
    /// The time of this request; it does not move while the request runs.
    pub now: Timestamp,
    /// What people quote to support.
    pub request_id: String,
    /// Scheme and authority under which browsers reach the service, without a slash at the end.
    pub public_url: String,
    pub(crate) hands: Hands<P>,
    /// The records whose effects are being carried out. An effect that changes its own record does not begin anew.
    pub(crate) under_way: RefCell<Vec<Key>>,
    pub(crate) cookies: RefCell<Vec<String>>,
    /// The session cookie as it came, and opened: most pages ask for it twice.
    pub(crate) opened: RefCell<Option<(String, Option<SessionCookie>)>>,
    pub(crate) headers: RefCell<Vec<(&'static str, String)>>,
    pub(crate) frame: RefCell<Frame>,
    /// What is noted already that this request writes, and in which note.
    pub(crate) noted: RefCell<Vec<(Key, EntryId)>>,
    /// Who acts, as far as this request has proved it.
    pub(crate) acting: RefCell<Actor>,
    /// The network that the request came from.
    pub(crate) origin: Origin,
    /// Whether the record that is changed is nobody's.
    pub(crate) decoy: Cell<bool>,
}

/// What a closure given to [`Edge::transact`] wants done.
pub enum Change<R, O> {
    /// Commit this; the outcome is revealed after the commit.
    Commit(Counted<R, O>),
    /// Nothing is to be written.
    Keep(O),
}

impl<R> From<Decision<R>> for Change<R, ()> {
    fn from(decision: Decision<R>) -> Self {
        Self::Commit(Counted::new(decision, ()))
    }
}

impl<R> From<Option<Decision<R>>> for Change<R, ()> {
    fn from(decision: Option<Decision<R>>) -> Self {
        decision.map_or(Self::Keep(()), Self::from)
    }
}

/// The platform's randomness as the core takes it.
pub struct Randomness<'a, P>(&'a P);

impl<P: Platform> Entropy for Randomness<'_, P> {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

impl<P: Platform> Edge<P> {
    /// The store, with only right ways to write to it.
    pub fn kv(&self) -> Kv<&P, &P> {
        Kv::new(&self.platform, &self.platform)
    }

    /// Randomness for the core.
    pub fn rng(&self) -> Randomness<'_, P> {
        Randomness(&self.platform)
    }

    /// What the records of these ids hold, in this order and without those that do not exist; read at the same time, so
    /// that they cost one round.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn get_all<R: Record>(&self, ids: &[R::Id]) -> Result<Vec<R>, Failure> {
        let kv = self.kv();
        let found = try_join_all(ids.iter().map(|id| kv.get::<R>(id))).await?;
        Ok(found.into_iter().flatten().map(Stored::into_value).collect())
    }

    /// The registration that an invitation names as its own (REG-5). Watched, since a plain read could be older than the
    /// invitation.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while it still waits inside the invitation; a fault of the store.
    pub async fn registered(&self, id: &RegistrationId) -> Result<Stored<Registration>, Failure> {
        let entered = self.kv().load::<Registration>(id).await?;
        Ok(entered.ok_or(Refusal::Busy { retry_after: BUSY_RETRY_AFTER })?.into_stored())
    }

    /// Loads, decides, commits, drains. Decides again when somebody else was faster, [`DECIDE_TRIES`] times at most.
    ///
    /// The outcome of a [`Counted`] is revealed only after its commit.
    ///
    /// # Errors
    /// `absent` when there is no such record; whatever `decide` refuses, with nothing written; [`Refusal::Busy`]; a
    /// fault of the store.
    pub async fn transact<R: Swept + Clone, O>(
        &self,
        id: &R::Id,
        absent: Refusal,
        mut decide: impl FnMut(R, &mut dyn Entropy) -> Result<Change<R, O>, Refusal>,
    ) -> Result<(O, Stored<R>), Failure> {
        let kv = self.kv();
        let mut seen = kv.load::<R>(id).await?.ok_or(absent)?;
        for _ in 0..DECIDE_TRIES {
            let counted = match decide(seen.value().clone(), &mut self.rng()) {
                Ok(Change::Commit(counted)) => counted,
                Ok(Change::Keep(outcome)) => {
                    let stored = seen.into_stored();
                    self.drain(stored.envelope()).await;
                    return Ok((outcome, stored));
                }
                // A repetition is refused because its first try was committed: what that one left is carried out.
                Err(refusal) => {
                    self.drain(seen.stored().envelope()).await;
                    return Err(refusal.into());
                }
            };
            let (change, outcome) = counted.split();
            let Ok(decision) = change else {
                let stored = seen.into_stored();
                self.drain(stored.envelope()).await;
                return Ok((outcome.reveal_after_commit(), stored));
            };
            match self.commit(seen, decision).await? {
                Replaced::Committed(stored) => {
                    self.drain(stored.envelope()).await;
                    return Ok((outcome.reveal_after_commit(), stored));
                }
                Replaced::Lost(current) => seen = current,
                Replaced::Gone => break,
            }
        }
        Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into())
    }

    /// Commits a decision about a record as it was seen, unless somebody else was faster. Nothing is drained.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when it cannot be noted; a fault of the store.
    pub async fn commit<'a, R: Swept>(
        &'a self,
        seen: Seen<R, &'a P>,
        decision: Decision<R>,
    ) -> Result<Replaced<R, &'a P>, Failure> {
        let key = seen.stored().envelope().key().clone();
        let mut note = self.note_about(&key);
        // What ends was noted when it was made; effects are to be noted anew, and the first change of a day.
        if note.is_none() && (!decision.effects.is_empty() || self.is_to_be_found(&decision, seen.stored())) {
            note = Some(self.note_alone(&key).await?);
        }
        let (next, carried) = self.carried(&key, decision, note)?;
        Ok(self.kv().replace(seen, next, carried).await?)
    }

    /// Creates a record that others may be creating at this moment, and drains what follows.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while somebody else is creating it; a fault of the store.
    pub async fn create<R: Swept>(&self, id: &R::Id, decision: Decision<R>) -> Result<NowStands<R>, Failure> {
        self.create_before(id, decision, &[]).await
    }

    /// As [`Edge::create`], by a request that goes on to write `others`: what is noted for a sweep is noted once for all.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while somebody else is creating it; a fault of the store.
    pub async fn create_before<R: Swept>(
        &self,
        id: &R::Id,
        decision: Decision<R>,
        others: &[Key],
    ) -> Result<NowStands<R>, Failure> {
        // A repetition leaves nothing new: it is not to pay for a reminder.
        if let Some(stored) = self.kv().get::<R>(id).await? {
            self.drain(stored.envelope()).await;
            return Ok(NowStands::Another(stored));
        }
        let key = R::key(id);
        let mut note = self.note_about(&key);
        if note.is_none() && leaves_something(&decision) {
            if others.is_empty() {
                note = Some(self.note_alone(&key).await?);
            } else {
                self.note::<R>(&[std::slice::from_ref(&key), others].concat(), &[]).await?;
                note = self.note_about(&key);
            }
        }
        let (next, carried) = self.carried(&key, decision, note)?;
        match self.kv().create_missed(id, next, carried).await? {
            Created::Created(stored) => {
                self.drain(stored.envelope()).await;
                Ok(NowStands::Ours(stored))
            }
            Created::Existed(stored) => {
                self.drain(stored.envelope()).await;
                Ok(NowStands::Another(stored))
            }
            Created::Busy => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
        }
    }

    /// Notes at once what this request is about to write, for a sweep to look at in case it dies (OPS-3), and for the audit
    /// to find it by its day (AUD-1): records that it creates or replaces, the first of them an `R`, and the ids of what it
    /// `prepared`, to be written before that one and to count only once that one names it. None of them is noted by its own
    /// commit again.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when it cannot be noted; a fault of the store. Then nothing may be written.
    pub async fn note<R: Swept>(&self, keys: &[Key], prepared: &[[u8; 16]]) -> Result<(), Failure> {
        let note = self.kv().remind_of(keys, prepared, self.unix_seconds()).await?;
        let note = note.ok_or(Refusal::Busy { retry_after: BUSY_RETRY_AFTER })?;
        let keys = keys.iter().cloned().chain(prepared.iter().filter_map(R::prepared_key));
        self.noted.borrow_mut().extend(keys.map(|key| (key, note)));
        Ok(())
    }

    /// Inserts a record whose id is fresh randomness, and drains what follows.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn insert<R: Swept>(&self, id: &R::Id, decision: Decision<R>) -> Result<Stored<R>, Failure> {
        let key = R::key(id);
        let mut note = self.note_about(&key);
        if note.is_none() && leaves_something(&decision) {
            note = Some(self.note_alone(&key).await?);
        }
        let (next, carried) = self.carried(&key, decision, note)?;
        let stored = self.kv().insert_fresh(id, next, carried).await?;
        self.drain(stored.envelope()).await;
        Ok(stored)
    }

    /// The record that says whose an e-mail or User ID is. Both are looked up without regard to case.
    pub fn login_id(&self, name: &str) -> [u8; 16] {
        self.keys.index(IndexPurpose::Login, &[name.trim().to_lowercase().as_bytes()])
    }

    /// Requires that the request was not forged by another site (SIG-4): JSON from our own origin or from no browser,
    /// a form with its token.
    ///
    /// # Errors
    /// [`BadRequest::CrossSite`], [`BadRequest::UnsupportedMediaType`], [`Refusal::FormNotOurs`].
    pub fn require_same_site(&self, request: &Request, form_token: Option<&str>) -> Result<(), Failure> {
        self.require_no_other_site(request)?;
        match request.encoding()? {
            Encoding::Json => Ok(()),
            Encoding::Form => {
                let cookie = request.cookie(cookies::CSRF).unwrap_or_default();
                let valid = !cookie.is_empty()
                    && form_token.is_some_and(|token| {
                        self.keys.mac_matches(MacPurpose::Csrf, &self.csrf_parts(cookie, request), token)
                    });
                if valid { Ok(()) } else { Err(Refusal::FormNotOurs.into()) }
            }
        }
    }

    /// Requires that no page of another site sent the request. That is enough for a body that no form can send, and that a
    /// page of another site could send only if this one allowed it to.
    ///
    /// # Errors
    /// [`BadRequest::CrossSite`].
    pub fn require_no_other_site(&self, request: &Request) -> Result<(), BadRequest> {
        let ours = request.header_is_absent_or("origin", |origin| origin == self.public_url)
            && request.header_is_absent_or("sec-fetch-site", |site| matches!(site, "same-origin" | "none"));
        if ours { Ok(()) } else { Err(BadRequest::CrossSite) }
    }

    fn csrf_parts<'a>(&self, cookie: &'a str, request: &'a Request) -> [&'a [u8]; 3] {
        // Bound to whoever is signed in by the cookies' presence; the cookies themselves are sealed and HttpOnly.
        let signed_in: &[u8] = if self.session_cookie(request).is_some() { b"person" } else { b"nobody" };
        let on_duty: &[u8] = if request.cookie(cookies::OPERATOR).is_some() { b"operator" } else { b"nobody" };
        [cookie.as_bytes(), signed_in, on_duty]
    }

    /// The session cookie, opened. It proves nothing before the account confirms it.
    pub fn session_cookie(&self, request: &Request) -> Option<SessionCookie> {
        let text = request.cookie(cookies::SESSION)?;
        let mut opened = self.opened.borrow_mut();
        match opened.as_ref() {
            Some((known, cookie)) if known == text => cookie.clone(),
            _ => {
                let cookie = open_text(&self.keys, SealPurpose::Session, cookies::SESSION, text);
                *opened = Some((text.to_owned(), cookie.clone()));
                cookie
            }
        }
    }

    /// The session cookie of a request that needs one.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub fn require_session_cookie(&self, request: &Request) -> Result<SessionCookie, Refusal> {
        let cookie = self.session_cookie(request).ok_or(Refusal::NotSignedIn)?;
        // Nothing is committed unless the account confirms the session.
        self.acts(Actor::Person(cookie.account));
        Ok(cookie)
    }

    /// The account whose session the request presents: one read, no write (SIG-2). Check it with
    /// [`Edge::confirm_session`].
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub async fn session_account(&self, request: &Request) -> Result<(SessionCookie, Account), Failure> {
        let cookie = self.require_session_cookie(request)?;
        let stored = self.kv().get::<Account>(&cookie.account).await?.ok_or(Refusal::NotSignedIn)?;
        Ok((cookie, stored.into_value()))
    }

    /// Confirms the presented session, remembers the name for the page's frame, and renews the cookie's time.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`]; [`Refusal::OrganisationNotChosen`] (ACC-4).
    pub fn confirm_session<'a>(&self, cookie: &SessionCookie, account: &'a Account) -> Result<SignedIn<'a>, Refusal> {
        let person = account.signed_in(&cookie.secret(), cookie.seen_at, self.now)?;
        self.confirm_person(cookie, account)?;
        Ok(person)
    }

    /// As [`Edge::confirm_session`], for pages that do not depend on the organisation for which the person acts.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub fn confirm_person<'a>(&self, cookie: &SessionCookie, account: &'a Account) -> Result<&'a Session, Refusal> {
        let session = account.session(&cookie.secret(), cookie.seen_at, self.now)?;
        self.acts(Actor::Person(account.id));
        self.frame.borrow_mut().set("person", account.name.full());
        if let Some(chosen) = session.acts_for.as_ref().and_then(|acts_for| acts_for.name.as_ref()) {
            self.frame.borrow_mut().set("organization", chosen);
        }
        if self.now.since(cookie.seen_at) >= REFRESH_AFTER {
            self.set_session(&SessionCookie::new(account.id, &cookie.secret(), self.now));
        }
        Ok(session)
    }

    /// Sets the session cookie.
    pub fn set_session(&self, cookie: &SessionCookie) {
        self.set_sealed_cookie(cookies::SESSION, SealPurpose::Session, cookie);
    }

    /// Sets a cookie with sealed content.
    pub fn set_sealed_cookie<T: serde::Serialize>(&self, name: &'static str, purpose: SealPurpose, value: &T) {
        if let Some(text) = seal_text(&self.keys, purpose, name, value, &mut self.rng()) {
            self.cookies.borrow_mut().push(cookies::set(name, &text));
        }
    }

    /// Sets a cookie with sealed content, for so long.
    pub fn set_sealed_cookie_for<T: serde::Serialize>(
        &self,
        name: &'static str,
        purpose: SealPurpose,
        value: &T,
        lifetime: Seconds,
    ) {
        if let Some(text) = seal_text(&self.keys, purpose, name, value, &mut self.rng()) {
            self.set_cookie_for(name, &text, lifetime);
        }
    }

    /// Sets a cookie whose content is sealed already, for so long.
    pub fn set_cookie_for(&self, name: &'static str, sealed: &str, lifetime: Seconds) {
        self.cookies.borrow_mut().push(cookies::set_for(name, sealed, lifetime));
    }

    /// Opens a cookie with sealed content.
    pub fn sealed_cookie<T: serde::de::DeserializeOwned>(
        &self,
        request: &Request,
        name: &'static str,
        purpose: SealPurpose,
    ) -> Option<T> {
        open_text(&self.keys, purpose, name, request.cookie(name)?)
    }

    /// Adds a header to the reply, whatever that will be.
    pub fn announce(&self, name: &'static str, value: String) {
        self.headers.borrow_mut().push((name, value));
    }

    /// Removes a cookie.
    pub fn clear_cookie(&self, name: &'static str) {
        self.cookies.borrow_mut().push(cookies::clear(name));
    }

    /// A variable without which nothing leaves.
    ///
    /// # Errors
    /// When it is empty, or not granted.
    pub async fn required_variable(&self, name: &str) -> Result<String, Failure> {
        let missing = || Failure::Fault(format!("variable {name} is empty"));
        self.platform.variable(name).await?.ok_or_else(missing)
    }

    /// A fresh session secret.
    pub fn fresh_secret(&self) -> SessionSecret {
        SessionSecret::random(&mut self.rng())
    }

    /// Shows a View: as a page or as JSON, as the caller prefers.
    ///
    /// # Errors
    /// A fault when it cannot be rendered.
    pub fn show<V: View>(&self, request: &Request, status: StatusCode, view: &V) -> Outcome {
        if request.wants_page() {
            view::page(status, view, &self.page_frame(request))
        } else {
            view::document(status, view)
        }
    }

    /// After a successful change: the page's next address for a form, the View for JSON.
    ///
    /// # Errors
    /// A fault when it cannot be rendered.
    pub fn done<V: serde::Serialize>(&self, request: &Request, next: &str, status: StatusCode, view: &V) -> Outcome {
        match request.encoding() {
            Ok(Encoding::Form) => Ok(Reply::see_other(next)),
            _ => view::document(status, view),
        }
    }

    /// A refused form shows its faults in place; every other caller gets the refusal.
    ///
    /// # Errors
    /// The refusal itself, for callers that do not want a page.
    pub fn refused_in_place<V: View>(
        &self,
        request: &Request,
        failure: Failure,
        field: &str,
        form: impl FnOnce(FormFaults) -> V,
    ) -> Outcome {
        match failure {
            Failure::Refused(refusal) if request.wants_page() && belongs_to_a_form(&refusal) => {
                self.log_refused_authentication(&refusal);
                let status = crate::problem::Problem::of_refusal(&refusal).status;
                self.frame_value("refused", "yes");
                self.show(request, status, &form(FormFaults::of_refusal(&refusal, field)))
            }
            other => Err(other),
        }
    }

    /// The frame of a page, with the form token bound to a random cookie.
    pub(crate) fn page_frame(&self, request: &Request) -> Frame {
        let mut frame = self.frame.borrow().clone();
        frame.set("service", &self.gateway.service.name);
        frame.set("support", self.gateway.service.support_email.as_str());
        frame.set("request", &self.request_id);
        frame.set("path", &request.path);
        frame.set("stylesheet", stylesheet_path());
        if let Some(languages) = request.header("accept-language") {
            frame.set("languages", languages);
        }
        let known = request.cookie(cookies::CSRF).filter(|value| value.len() == CSRF_CHARS).map(str::to_owned);
        let value = known.unwrap_or_else(|| {
            let fresh = shared::secret::base64url(self.fresh_secret().expose());
            self.cookies.borrow_mut().push(cookies::set(cookies::CSRF, &fresh));
            fresh
        });
        frame.set("csrf", self.keys.mac(MacPurpose::Csrf, &self.csrf_parts(&value, request)));
        frame
    }

    /// Adds a value to the frame of this request's pages.
    pub fn frame_value(&self, name: &'static str, value: impl Into<String>) {
        self.frame.borrow_mut().set(name, value);
    }
}

/// Whether a new record has to be found again without its key: for its effects, its end, or its audit trail.
fn leaves_something<R: Swept>(decision: &Decision<R>) -> bool {
    R::ENDS || R::AUDITED || !decision.effects.is_empty()
}

const CSRF_CHARS: usize = 22;

/// Refusals that a person mends in the same form.
fn belongs_to_a_form(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::InvalidInput(_)
            | Refusal::SignInFailed
            | Refusal::PromoNotUsable
            | Refusal::PaymentNotCovered { .. }
            | Refusal::LicenceNotUsable
            | Refusal::ShipmentPending
            | Refusal::SerialNotUsable
            | Refusal::CodeNotAccepted { .. }
            | Refusal::AnswersNotAccepted { .. }
            | Refusal::CredentialLocked
            | Refusal::TooManyRequests { .. }
            | Refusal::TermsChanged
    )
}

/// What stands after [`Edge::create`].
#[must_use = "the record may be another's"]
pub enum NowStands<R: Record> {
    /// This request created it.
    Ours(Stored<R>),
    /// It existed: by an earlier try of the same cause, or by somebody else.
    Another(Stored<R>),
}

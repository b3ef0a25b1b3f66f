//! Registration of an organisation, by invitation or by the public form, and its approval.
//!
//! The record's id derives from its cause (the invitation, or the form's random id), so that a repeated submission
//! meets its own record (REG-5).

use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    account::{Admission, Membership, SignedIn},
    audit::Action,
    config::{Application, Approval, Registration as Policy},
    decision::Decision,
    effect::Effect,
    invitation::{InvitationSlot, Invited},
    message::{Body, Message},
    operator::OnDuty,
    organisation::{JoinRequest, Organisation, Profile, RawProfile, Subscription, answered, phone_of, traits_of},
    refusal::{Faults, Refusal, Settled},
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose, digest256},
    values::{
        AccountId, ApplicationId, Country, Email, FormId, InvitationSlotId, Line, OperatorId, OrganisationId,
        Paragraph, ParseError, PersonName, Phone, RegistrationId, Seconds, Timestamp,
    },
};

/// Administrators that one registration can designate besides the registrant.
pub const MAX_ADMINISTRATORS: usize = 10;
/// How long the link works under which a registration is followed (REG-6).
pub const STATUS_LIFETIME: Seconds = Seconds::days(180);
/// Registrants are told that a review takes up to this many business days (APR-1).
pub const REVIEW_BUSINESS_DAYS: u32 = 2;
/// What somebody is told who wants to be let into an organisation that cannot be asked now.
const TOO_MANY_WAIT: &str = "Many people wait for an answer of this organization. Ask a colleague there to invite you, \
                             or choose \u{201c}None of the above\u{201d}.";

/// A designated administrator as submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdministrator {
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail.
    pub email: String,
    /// Whether this person administers the organisation.
    pub organisation_administrator: bool,
    /// Whether this person administers the application.
    pub application_administrator: bool,
}

/// A registration as submitted: nothing is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRegistration {
    /// The registrant's given name.
    pub given_name: String,
    /// The registrant's family name.
    pub family_name: String,
    /// The registrant's e-mail. Ignored for an invitation, whose mailbox is proved already.
    pub email: String,
    /// The registrant's work phone, in international form or in that of the headquarters country.
    pub phone: String,
    /// The organisation.
    pub profile: RawProfile,
    /// Further administrators. The registrant always is one.
    pub administrators: Vec<RawAdministrator>,
}

/// A person whom the registration designates as administrator (REG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Designation {
    /// The person's name.
    pub name: PersonName,
    /// The person's e-mail.
    pub email: Email,
    /// Administers the organisation.
    pub organisation_administrator: bool,
    /// Administers the application.
    pub application_administrator: bool,
}

/// A checked registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitRegistration {
    phone: Phone,
    profile: Profile,
    /// The registrant first.
    designations: Vec<Designation>,
    digest: [u8; 32],
}

impl SubmitRegistration {
    /// Parses every field and collects every fault. `proved_email` is the mailbox that an invitation has proved; it
    /// replaces the submitted one.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawRegistration, proved_email: Option<&Email>) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let registrant = Self::parse_registrant(raw, proved_email, &mut faults);
        let phone = faults.check("phone", phone_of(&raw.phone, raw.profile.country.parse().ok()));
        let profile = Profile::parse(&raw.profile, "profile.", &mut faults);
        let others = Self::parse_administrators(&raw.administrators, &mut faults);
        let parsed = (|| {
            let (registrant, others) = (registrant?, others?);
            let application_administered = others.iter().any(|other| other.application_administrator);
            let mut designations =
                vec![Designation { application_administrator: !application_administered, ..registrant }];
            designations.extend(others);
            let (phone, profile) = (phone?, profile?);
            let digest = submission_digest(&phone, &profile, &designations);
            Some(Self { phone, profile, designations, digest })
        })();
        check_distinct(raw, proved_email, &mut faults);
        faults.finish(parsed)
    }

    /// Parses only the first page of the form: the registrant and the organisation (REG-1).
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults of that page.
    pub fn check_profile(raw: &RawRegistration, proved_email: Option<&Email>) -> Result<Self, Refusal> {
        Self::parse(&RawRegistration { administrators: Vec::new(), ..raw.clone() }, proved_email)
    }

    /// The organisation's details.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The registrant's e-mail.
    pub fn email(&self) -> Option<&Email> {
        self.designations.first().map(|registrant| &registrant.email)
    }

    /// Everybody who becomes an administrator, with their roles; the registrant first.
    pub fn designations(&self) -> &[Designation] {
        &self.designations
    }

    fn parse_registrant(
        raw: &RawRegistration,
        proved_email: Option<&Email>,
        faults: &mut Faults,
    ) -> Option<Designation> {
        let given = faults.check("given_name", raw.given_name.parse());
        let family = faults.check("family_name", raw.family_name.parse());
        let email = match proved_email {
            Some(proved) => Some(proved.clone()),
            None => faults.check("email", raw.email.parse()),
        };
        Some(Designation {
            name: PersonName { given: given?, family: family? },
            email: email?,
            organisation_administrator: true,
            application_administrator: true,
        })
    }

    fn parse_administrators(raw: &[RawAdministrator], faults: &mut Faults) -> Option<Vec<Designation>> {
        if raw.len() > MAX_ADMINISTRATORS {
            faults.add("administrators", "too-many", "Name at most ten administrators; more can be added later.");
            return None;
        }
        let parsed: Vec<Option<Designation>> = raw
            .iter()
            .enumerate()
            .map(|(n, one)| {
                let given = faults.check(format!("administrators.{n}.given_name"), one.given_name.parse());
                let family = faults.check(format!("administrators.{n}.family_name"), one.family_name.parse());
                let email = faults.check(format!("administrators.{n}.email"), one.email.parse());
                if !one.organisation_administrator && !one.application_administrator {
                    let hint = format!("Choose at least one role for person {}.", n.saturating_add(1));
                    faults.add(format!("administrators.{n}.organisation_administrator"), "no-role", hint);
                }
                Some(Designation {
                    name: PersonName { given: given?, family: family? },
                    email: email?,
                    organisation_administrator: one.organisation_administrator,
                    application_administrator: one.application_administrator,
                })
            })
            .collect();
        parsed.into_iter().collect()
    }
}

/// Each person is named once, whatever else is wrong with what was entered.
fn check_distinct(raw: &RawRegistration, proved_email: Option<&Email>, faults: &mut Faults) {
    let normalised = |text: &str| text.parse::<Email>().ok().map(|email| email.normalised());
    let registrant = proved_email.map_or_else(|| normalised(&raw.email), |proved| Some(proved.normalised()));
    let mut known: Vec<String> = registrant.into_iter().collect();
    for (n, one) in raw.administrators.iter().take(MAX_ADMINISTRATORS).enumerate() {
        let Some(email) = normalised(&one.email) else { continue };
        if known.contains(&email) {
            let hint = format!("The e-mail of person {} is named already; give each person once.", n.saturating_add(1));
            faults.add(format!("administrators.{n}.email"), "repeated", hint);
        }
        known.push(email);
    }
}

fn submission_digest(phone: &Phone, profile: &Profile, designations: &[Designation]) -> [u8; 32] {
    // Debug output of parsed values is total and distinguishes every field; the digest only tells repetition from
    // contradiction and is never compared across versions of the program for longer than one request is retried.
    digest256(format!("{phone:?}{profile:?}{designations:?}").as_bytes())
}

/// Where a registration came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// By a partner's invitation.
    Invited {
        /// The invitation's slot.
        slot: InvitationSlotId,
        /// The invitation's generation.
        generation: u32,
    },
    /// By the public form.
    Public,
}

impl Origin {
    /// By which of the two ways it came.
    pub fn way(self) -> Way {
        match self {
            Self::Invited { .. } => Way::Invited,
            Self::Public => Way::Public,
        }
    }
}

/// The two ways by which registrations come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// By a partner's invitation.
    Invited,
    /// By the public form.
    Public,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Invited, Self::Public];

    /// The way's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Public => "public",
        }
    }
}

impl FromStr for Way {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let named = Self::ALL.into_iter().find(|way| way.as_str() == text);
        named.ok_or_else(|| ParseError::new("origin-unknown", "Name one of invited and public."))
    }
}

/// Where a registration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationState {
    /// Waits for the registrar.
    Submitted,
    /// Approved: the organisation and its administrators exist, or are being created.
    Approved {
        /// Who decided; `None` for the application's automatic policy.
        by: Option<OperatorId>,
        /// When.
        at: Timestamp,
    },
    /// Rejected.
    Rejected {
        /// Who decided.
        by: OperatorId,
        /// When.
        at: Timestamp,
        /// Why, in the registrar's words.
        reason: Paragraph<1000>,
    },
    /// The registrant recognised an organisation and asked its administrators to be let in (REG-2).
    Asked {
        /// The organisation.
        organisation: OrganisationId,
        /// Its name, which the registrant was shown.
        name: Line<120>,
    },
    /// An organisation that exists accepted the invitation (INV-7).
    Joined {
        /// The organisation.
        organisation: OrganisationId,
        /// Who accepted for it.
        by: AccountId,
    },
    /// An administrator of the organisation that was asked has decided (REG-2).
    Answered {
        /// The organisation.
        organisation: OrganisationId,
        /// Its name, which the registrant was shown.
        name: Line<120>,
        /// Whether the person is let in.
        let_in: bool,
        /// When.
        at: Timestamp,
    },
}

impl RegistrationState {
    /// The state's name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Asked { .. } => "asked",
            Self::Joined { .. } => "joined",
            Self::Answered { let_in, .. } => answered(*let_in),
        }
    }
}

/// A submitted registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The record's id.
    pub id: RegistrationId,
    /// The application it is for.
    pub application: ApplicationId,
    /// Where it came from.
    pub origin: Origin,
    /// The registrant's work phone; `None` when an organisation that exists accepted the invitation.
    pub phone: Option<Phone>,
    /// The organisation's details.
    pub profile: Profile,
    /// The registrant first, then the other administrators.
    pub designations: Vec<Designation>,
    /// Digest of what was submitted, to tell a repetition from a contradiction.
    pub submission: [u8; 32],
    /// When.
    pub submitted_at: Timestamp,
    /// Digest of the token of the link under which the registrant follows it (REG-6).
    pub follow: TokenDigest,
    /// Where it stands.
    pub state: RegistrationState,
}

/// Under which circumstances a registration is submitted.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The application that it is for.
    pub application: &'a Application,
    /// Whether the registrant's e-mail has an account: only its mailbox is told (REG-4).
    pub has_account: bool,
    /// The deployment's keys.
    pub keys: &'a Keys,
    /// When.
    pub now: Timestamp,
}

/// What the operator's queue shows of a registration (APR-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSummary {
    /// The application it is for.
    pub application: ApplicationId,
    /// The organisation's legal name.
    pub organisation: Line<120>,
    /// Its headquarters country.
    pub country: Country,
    /// By which way it came.
    pub way: Way,
}

impl Registration {
    /// Submits by invitation (REG-1). The id derives from the invitation, so one invitation founds one organisation.
    pub fn by_invitation(
        invited: Invited<'_>,
        command: SubmitRegistration,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> Decision<Self> {
        let Circumstances { application, keys, now, .. } = *circumstances;
        let (id, origin) = Self::of_invitation(invited, keys);
        let decision = Self::submit(id, origin, command, circumstances, rng);
        if application.approval == Approval::AutomaticForInvited {
            return decision.next.approved_by(None, keys, now);
        }
        decision
    }

    /// An Organisation Administrator accepts the invitation for an organisation that exists (INV-7). The invitation's commit
    /// decides whether it leads to this or to a submission; the id is the same.
    ///
    /// # Errors
    /// [`Refusal::RoleMissing`].
    pub fn by_organisation(
        invited: Invited<'_>,
        person: &SignedIn<'_>,
        organisation: &Organisation,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> Result<Decision<Self>, Refusal> {
        if !person.membership.organisation_administrator {
            return Err(Refusal::RoleMissing { ask: "your Organization Administrator".to_owned() });
        }
        let (id, origin) = Self::of_invitation(invited, circumstances.keys);
        let application = circumstances.application.id.clone();
        let (account, profile) = (person.account, organisation.profile.clone());
        let subscribed =
            Effect::Subscribe { organisation: organisation.id, application: application.clone(), account: account.id };
        let registration = Self {
            id,
            application,
            origin,
            phone: None,
            submission: joining_digest(organisation.id),
            profile,
            designations: vec![Designation {
                name: account.name.clone(),
                email: account.email.clone(),
                organisation_administrator: true,
                application_administrator: true,
            }],
            submitted_at: circumstances.now,
            follow: PlainToken::new(*id.bytes(), rng).digest(TokenPurpose::RegistrationStatus),
            state: RegistrationState::Joined { organisation: organisation.id, by: account.id },
        };
        Ok(Decision::with(Action::InvitationAcceptance, registration, vec![subscribed]))
    }

    /// Submits by the public form (REG-2).
    ///
    /// # Errors
    /// [`Refusal::InvitationNeeded`] when the application is not public.
    pub fn by_public_form(
        form: FormId,
        command: SubmitRegistration,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> Result<Decision<Self>, Refusal> {
        Self::require_public(circumstances.application)?;
        let id = Self::id_of_form(form, circumstances.keys);
        Ok(Self::submit(id, Origin::Public, command, circumstances, rng))
    }

    /// Asks the administrators of an organisation that the registrant recognised (REG-2). The id is the one that a
    /// submission of the same form would get, so that a form leads to one of them.
    ///
    /// # Errors
    /// [`Refusal::InvitationNeeded`] when the application is not public; a field fault when too many requests wait there.
    pub fn ask_to_join(
        form: FormId,
        command: SubmitRegistration,
        organisation: &Organisation,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> Result<Decision<Self>, Refusal> {
        let Circumstances { application, keys, now, .. } = *circumstances;
        Self::require_public(application)?;
        let id = Self::id_of_form(form, keys);
        let (mut registration, token) = Self::new(id, Origin::Public, command, circumstances, rng);
        if registration.registrant().is_some_and(|registrant| !organisation.can_be_asked(id, &registrant.email)) {
            return Err(Refusal::field("organisation", "too-many-requests-wait", TOO_MANY_WAIT));
        }
        let name = organisation.profile.legal_name.clone();
        registration.state = RegistrationState::Asked { organisation: organisation.id, name: name.clone() };
        let request = registration.registrant().map(|registrant| JoinRequest {
            registration: id,
            name: registrant.name.clone(),
            email: registrant.email.clone(),
            application: application.id.clone(),
            application_name: application.name.clone(),
            at: now,
            answer: None,
        });
        let ask = request
            .map(|request| Effect::AskAdministrators { organisation: organisation.id, request: Box::new(request) });
        let told = registration.tell_registrant(Body::RequestPassedOn {
            reference: registration.reference(),
            organisation: name.as_str().to_owned(),
            token: token.reveal(),
        });
        Ok(Decision::with(Action::JoinRequest, registration, ask.into_iter().chain(told).collect()))
    }

    /// The id of the registration that a public form leads to.
    pub fn id_of_form(form: FormId, keys: &Keys) -> RegistrationId {
        RegistrationId::from_bytes(keys.index(IndexPurpose::Registration, &[b"form", form.bytes()]))
    }

    fn of_invitation(invited: Invited<'_>, keys: &Keys) -> (RegistrationId, Origin) {
        let slot = invited.slot();
        let generation = slot.current.generation;
        let id = Self::id_of_invitation(slot.id, generation, keys);
        (id, Origin::Invited { slot: slot.id, generation })
    }

    /// Whether anybody may register for the application without an invitation (REG-2).
    ///
    /// # Errors
    /// [`Refusal::InvitationNeeded`] otherwise.
    pub fn require_public(application: &Application) -> Result<(), Refusal> {
        match application.registration {
            Policy::Public => Ok(()),
            Policy::Invitation => Err(Refusal::InvitationNeeded {
                application: application.name.clone(),
                partner: application.partner.to_string(),
            }),
        }
    }

    /// The id of the registration that an invitation leads to.
    pub fn id_of_invitation(slot: InvitationSlotId, generation: u32, keys: &Keys) -> RegistrationId {
        let parts: [&[u8]; 3] = [b"invitation", slot.bytes(), &generation.to_le_bytes()];
        RegistrationId::from_bytes(keys.index(IndexPurpose::Registration, &parts))
    }

    fn new(
        id: RegistrationId,
        origin: Origin,
        command: SubmitRegistration,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> (Self, PlainToken) {
        let token = PlainToken::new(*id.bytes(), rng);
        let registration = Self {
            id,
            application: circumstances.application.id.clone(),
            origin,
            phone: Some(command.phone),
            profile: command.profile,
            designations: command.designations,
            submission: command.digest,
            submitted_at: circumstances.now,
            follow: token.digest(TokenPurpose::RegistrationStatus),
            state: RegistrationState::Submitted,
        };
        (registration, token)
    }

    fn submit(
        id: RegistrationId,
        origin: Origin,
        command: SubmitRegistration,
        circumstances: &Circumstances<'_>,
        rng: &mut dyn Entropy,
    ) -> Decision<Self> {
        let Circumstances { application, has_account, now, .. } = *circumstances;
        let (registration, token) = Self::new(id, origin, command, circumstances, rng);
        let summary = QueueSummary {
            application: application.id.clone(),
            organisation: registration.profile.legal_name.clone(),
            country: registration.profile.country,
            way: origin.way(),
        };
        let (reference, application, token) = (registration.reference(), application.name.clone(), token.reveal());
        let mut effects = vec![Effect::Enqueue { registration: id, submitted_at: now, summary }];
        effects.extend(registration.tell_registrant(if has_account {
            Body::AccountExists { reference, application, token }
        } else {
            Body::RegistrationReceived { reference, application, token }
        }));
        Decision::with(Action::Registration, registration, effects)
    }

    /// Checks the link under which the registrant follows the registration (REG-6).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for a token that is foreign, or older than [`STATUS_LIFETIME`].
    pub fn follow(&self, token: &PlainToken, now: Timestamp) -> Result<Followed<'_>, Refusal> {
        let fresh = now < self.submitted_at.plus(STATUS_LIFETIME);
        if fresh && self.follow.matches(token, TokenPurpose::RegistrationStatus) {
            Ok(Followed { registration: self })
        } else {
            Err(Refusal::LinkNotValid)
        }
    }

    /// Checks that the token is that of the invitation which led to this registration: whoever comes by that link again is
    /// further already.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for any other token, or when the registration is older than [`STATUS_LIFETIME`].
    pub fn follow_by_invitation(
        &self,
        slot: &InvitationSlot,
        token: &PlainToken,
        now: Timestamp,
    ) -> Result<Followed<'_>, Refusal> {
        let fresh = now < self.submitted_at.plus(STATUS_LIFETIME);
        if fresh && slot.registration_of(token) == Some(self.id) {
            Ok(Followed { registration: self })
        } else {
            Err(Refusal::LinkNotValid)
        }
    }

    /// Whether the record was made by accepting the invitation for this organisation (INV-7).
    pub fn was_joined_by(&self, organisation: OrganisationId) -> bool {
        matches!(self.state, RegistrationState::Joined { organisation: joined, .. } if joined == organisation)
    }

    /// Whether the record was made by asking some organisation (REG-2).
    pub fn was_asked(&self) -> bool {
        matches!(self.state, RegistrationState::Asked { .. } | RegistrationState::Answered { .. })
    }

    /// Whether the record was made by asking this organisation (REG-2).
    pub fn was_asked_of(&self, organisation: OrganisationId) -> bool {
        matches!(&self.state,
            RegistrationState::Asked { organisation: asked, .. } | RegistrationState::Answered { organisation: asked, .. }
            if *asked == organisation)
    }

    /// Until when registrants expect a decision (APR-1).
    pub fn due_at(submitted_at: Timestamp) -> Timestamp {
        submitted_at.plus_business_days(REVIEW_BUSINESS_DAYS)
    }

    /// Notes what an administrator of the organisation that was asked has decided, for whoever follows it (REG-2, REG-6).
    /// `None` when that organisation was not asked, or it is noted.
    pub fn answered(mut self, organisation: OrganisationId, let_in: bool, now: Timestamp) -> Option<Decision<Self>> {
        match self.state {
            RegistrationState::Asked { organisation: asked, name } if asked == organisation => {
                self.state = RegistrationState::Answered { organisation, name, let_in, at: now };
                Some(Decision::quiet(Action::JoinOutcome, self))
            }
            _ => None,
        }
    }

    /// The number under which people speak of the registration: its id's first ten characters, in groups.
    pub fn reference(&self) -> String {
        reference_of(self.id)
    }

    /// The registrant: the first designated administrator.
    pub fn registrant(&self) -> Option<&Designation> {
        self.designations.first()
    }

    /// Whether the record was made by a submission with this content (REG-5).
    pub fn was_made_by(&self, command: &SubmitRegistration) -> bool {
        self.submission == command.digest
    }

    /// Approves (APR-2): founds the organisation and admits every designated administrator.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] with who decided what, and when (APR-3).
    pub fn approve(self, registrar: &OnDuty<'_>, keys: &Keys, now: Timestamp) -> Result<Decision<Self>, Refusal> {
        self.require_undecided()?;
        Ok(self.approved_by(Some(registrar.id().clone()), keys, now))
    }

    fn approved_by(mut self, by: Option<OperatorId>, keys: &Keys, now: Timestamp) -> Decision<Self> {
        self.state = RegistrationState::Approved { by, at: now };
        let organisation = self.organisation(keys, now);
        let traits = traits_of(&self.profile, self.designations.iter().map(|person| &person.email), keys);
        let mut effects = vec![
            Effect::Dequeue { registration: self.id, submitted_at: self.submitted_at },
            Effect::FoundOrganisation(Box::new(organisation)),
            Effect::IndexOrganisation { organisation: self.organisation_id(keys), traits },
        ];
        effects.extend(self.admissions(keys).into_iter().map(|admission| Effect::Admit(Box::new(admission))));
        Decision::with(Action::Approval, self, effects)
    }

    /// Rejects with a reason that is e-mailed (APR-1).
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] with who decided what, and when (APR-3).
    pub fn reject(
        mut self,
        registrar: &OnDuty<'_>,
        reason: Paragraph<1000>,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        self.require_undecided()?;
        let mut effects = vec![Effect::Dequeue { registration: self.id, submitted_at: self.submitted_at }];
        effects.extend(self.tell_registrant(Body::RegistrationRejected {
            reference: self.reference(),
            reason: reason.as_str().to_owned(),
        }));
        self.state = RegistrationState::Rejected { by: registrar.id().clone(), at: now, reason };
        Ok(Decision::with(Action::Rejection, self, effects))
    }

    fn require_undecided(&self) -> Result<(), Refusal> {
        let what = self.state.as_str();
        let (by, at) = match &self.state {
            RegistrationState::Submitted => return Ok(()),
            RegistrationState::Approved { by, at } => (by.as_ref(), *at),
            RegistrationState::Rejected { by, at, .. } => (Some(by), *at),
            RegistrationState::Answered { at, .. } => (None, *at),
            RegistrationState::Asked { .. } | RegistrationState::Joined { .. } => (None, self.submitted_at),
        };
        Err(Refusal::AlreadyDecided(Settled { what, by: by.map(ToString::to_string), at }))
    }

    fn tell_registrant(&self, body: Body) -> Option<Effect> {
        self.registrant().map(|registrant| {
            Effect::Send(Box::new(Message { to: registrant.email.clone(), name: registrant.name.full(), body }))
        })
    }

    fn organisation_id(&self, keys: &Keys) -> OrganisationId {
        OrganisationId::from_bytes(keys.index(IndexPurpose::Organisation, &[self.id.bytes()]))
    }

    fn organisation(&self, keys: &Keys, now: Timestamp) -> Organisation {
        Organisation {
            id: self.organisation_id(keys),
            profile: self.profile.clone(),
            subscriptions: [(self.application.clone(), Subscription { since: now, acceptances: Vec::new() })].into(),
            founded_at: now,
            founders: self
                .designations
                .iter()
                .filter(|person| person.organisation_administrator)
                .map(|person| person.email.clone())
                .collect(),
            join_requests: Vec::new(),
            offers: Vec::new(),
        }
    }

    fn admissions(&self, keys: &Keys) -> Vec<Admission> {
        let organisation = self.organisation_id(keys);
        let administered = |yes: bool| if yes { vec![self.application.clone()] } else { Vec::new() };
        self.designations
            .iter()
            .map(|person| {
                let email = person.email.normalised();
                Admission {
                    account: AccountId::from_bytes(
                        keys.index(IndexPurpose::Account, &[self.id.bytes(), email.as_bytes()]),
                    ),
                    name: person.name.clone(),
                    email: person.email.clone(),
                    organisation_name: self.profile.legal_name.as_str().to_owned(),
                    membership: Membership {
                        organisation,
                        organisation_administrator: person.organisation_administrator,
                        application_administrator: administered(person.application_administrator),
                        access: vec![self.application.clone()],
                    },
                }
            })
            .collect()
    }
}

/// What marks that an organisation accepted an invitation: no submission has this digest.
fn joining_digest(organisation: OrganisationId) -> [u8; 32] {
    digest256([b"joined", organisation.bytes().as_slice()].concat().as_slice())
}

/// A registration whose link was presented and works (REG-6).
#[derive(Debug, Clone, Copy)]
pub struct Followed<'a> {
    registration: &'a Registration,
}

impl<'a> Followed<'a> {
    /// The registration.
    pub fn registration(self) -> &'a Registration {
        self.registration
    }
}

/// The reference number of a registration, as people read it.
pub fn reference_of(id: RegistrationId) -> String {
    let text = id.to_string().to_ascii_uppercase();
    let group = |from: usize| text.get(from..from.saturating_add(5)).unwrap_or_default().to_owned();
    format!("R-{}-{}", group(0), group(5))
}

#[cfg(test)]
mod tests;

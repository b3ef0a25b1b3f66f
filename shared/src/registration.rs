//! Registration of an organisation, by invitation or by the public form, and its approval.
//!
//! The record's id derives from its cause (the invitation, or the form's random id), so that a repeated submission
//! meets its own record (REG-5).

use serde::{Deserialize, Serialize};

use crate::{
    account::{Admission, Membership},
    config::{Application, Approval, Registration as Policy},
    decision::Decision,
    effect::Effect,
    invitation::Invited,
    message::{Body, Message},
    operator::OnDuty,
    organisation::{Organisation, Profile, RawProfile, Subscription},
    refusal::{Faults, Refusal},
    secret::{IndexPurpose, Keys, digest256},
    values::{
        AccountId, ApplicationId, Country, Email, FormId, InvitationSlotId, Line, OperatorId, OrganisationId,
        Paragraph, PersonName, Phone, RegistrationId, Timestamp,
    },
};

/// Administrators that one registration can designate besides the registrant.
pub const MAX_ADMINISTRATORS: usize = 10;

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
    /// The registrant's work phone in international form.
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
        let phone = faults.check("phone", raw.phone.parse::<Phone>());
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
        if let Some(parsed) = &parsed {
            check_distinct(&parsed.designations, &mut faults);
        }
        faults.finish(parsed)
    }

    /// Parses only the first page of the form: the registrant and the organisation (REG-1).
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults of that page.
    pub fn check_profile(raw: &RawRegistration, proved_email: Option<&Email>) -> Result<(), Refusal> {
        Self::parse(&RawRegistration { administrators: Vec::new(), ..raw.clone() }, proved_email).map(drop)
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

fn check_distinct(designations: &[Designation], faults: &mut Faults) {
    for (n, one) in designations.iter().enumerate().skip(1) {
        let repeated = designations.iter().take(n).any(|earlier| earlier.email.normalised() == one.email.normalised());
        if repeated {
            let field = format!("administrators.{}.email", n.saturating_sub(1));
            let hint = format!("The e-mail of person {n} is named already; give each person once.");
            faults.add(field, "repeated", hint);
        }
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
}

impl RegistrationState {
    /// The state's name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
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
    /// The registrant's work phone.
    pub phone: Phone,
    /// The organisation's details.
    pub profile: Profile,
    /// The registrant first, then the other administrators.
    pub designations: Vec<Designation>,
    /// Digest of what was submitted, to tell a repetition from a contradiction.
    pub submission: [u8; 32],
    /// When.
    pub submitted_at: Timestamp,
    /// Where it stands.
    pub state: RegistrationState,
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
}

impl Registration {
    /// Submits by invitation (REG-1). The id derives from the invitation, so one invitation founds one organisation.
    pub fn by_invitation(
        invited: Invited<'_>,
        command: SubmitRegistration,
        application: &Application,
        keys: &Keys,
        now: Timestamp,
    ) -> Decision<Self> {
        let slot = invited.slot();
        let generation = slot.current.generation;
        let id = Self::id_of_invitation(slot.id, generation, keys);
        let used = Effect::UseInvitation { slot: slot.id, generation, registration: id };
        let mut decision = Self::submit(id, Origin::Invited { slot: slot.id, generation }, command, application, now);
        if application.approval == Approval::AutomaticForInvited {
            decision = decision.next.approved_by(None, keys, now);
        }
        decision.effects.push(used);
        decision
    }

    /// Submits by the public form (REG-2).
    ///
    /// # Errors
    /// [`Refusal::InvitationNeeded`] when the application is not public.
    pub fn by_public_form(
        form: FormId,
        command: SubmitRegistration,
        application: &Application,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        Self::require_public(application)?;
        let id = RegistrationId::from_bytes(keys.index(IndexPurpose::Registration, &[b"form", form.bytes()]));
        Ok(Self::submit(id, Origin::Public, command, application, now))
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

    fn submit(
        id: RegistrationId,
        origin: Origin,
        command: SubmitRegistration,
        application: &Application,
        now: Timestamp,
    ) -> Decision<Self> {
        let registration = Self {
            id,
            application: application.id.clone(),
            origin,
            phone: command.phone,
            profile: command.profile,
            designations: command.designations,
            submission: command.digest,
            submitted_at: now,
            state: RegistrationState::Submitted,
        };
        let summary = QueueSummary {
            application: application.id.clone(),
            organisation: registration.profile.legal_name.clone(),
            country: registration.profile.country,
        };
        let mut effects = vec![Effect::Enqueue { registration: id, submitted_at: now, summary }];
        effects.extend(registration.tell_registrant(Body::RegistrationReceived {
            reference: registration.reference(),
            application: application.name.clone(),
        }));
        Decision::with(registration, effects)
    }

    /// The number under which people speak of the registration: its id's first ten characters, in groups.
    pub fn reference(&self) -> String {
        reference_of(self.id)
    }

    /// The registrant: the first designated administrator.
    pub fn registrant(&self) -> Option<&Designation> {
        self.designations.first()
    }

    /// Whether this submission repeats the one that made the record (REG-5).
    pub fn repeats(&self, other: &Self) -> bool {
        self.submission == other.submission
    }

    /// Whether the record was made by a submission with this content (REG-5).
    pub fn was_made_by(&self, command: &SubmitRegistration) -> bool {
        self.submission == command.digest
    }

    /// Approves (APR-2): founds the organisation and admits every designated administrator.
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] (APR-3).
    pub fn approve(self, registrar: &OnDuty<'_>, keys: &Keys, now: Timestamp) -> Result<Decision<Self>, Refusal> {
        self.require_undecided()?;
        Ok(self.approved_by(Some(registrar.id().clone()), keys, now))
    }

    fn approved_by(mut self, by: Option<OperatorId>, keys: &Keys, now: Timestamp) -> Decision<Self> {
        self.state = RegistrationState::Approved { by, at: now };
        let mut effects = vec![
            Effect::Dequeue { registration: self.id, submitted_at: self.submitted_at },
            Effect::FoundOrganisation(Box::new(self.organisation(keys, now))),
        ];
        effects.extend(self.admissions(keys).into_iter().map(|admission| Effect::Admit(Box::new(admission))));
        Decision::with(self, effects)
    }

    /// Rejects with a reason that is e-mailed (APR-1).
    ///
    /// # Errors
    /// [`Refusal::AlreadyDecided`] (APR-3).
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
        Ok(Decision::with(self, effects))
    }

    fn require_undecided(&self) -> Result<(), Refusal> {
        match self.state {
            RegistrationState::Submitted => Ok(()),
            RegistrationState::Approved { .. } | RegistrationState::Rejected { .. } => Err(Refusal::AlreadyDecided),
        }
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

/// The reference number of a registration, as people read it.
pub fn reference_of(id: RegistrationId) -> String {
    let text = id.to_string().to_ascii_uppercase();
    let group = |from: usize| text.get(from..from.saturating_add(5)).unwrap_or_default().to_owned();
    format!("R-{}-{}", group(0), group(5))
}

#[cfg(test)]
mod tests;

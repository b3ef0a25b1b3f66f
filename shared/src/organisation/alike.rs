//! Organisations that could be the same as the one that registers (REG-3).
//!
//! Each trait of an organisation (normalised legal name, mail domain, registration number) names a record by its keyed
//! index. The record holds the newest few organisations with that trait, so a search reads one record for each trait and
//! then those organisations that it shows, whatever the number of organisations.

use serde::{Deserialize, Serialize};

use super::{Organisation, Profile};
use crate::{
    audit::Action,
    decision::Decision,
    secret::{IndexPurpose, Keys},
    values::{Country, Email, Line, OrganisationId, unicode::folded},
};

/// Organisations that one trait remembers; an older one gives way.
pub const MAX_ALIKE: usize = 16;
/// Organisations that a search shows.
pub const MAX_SHOWN: usize = 5;
/// Mail domains by which one organisation can be found.
const MAX_DOMAINS: usize = 3;

/// The organisations that share a trait, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alike {
    /// The record's id: the trait.
    pub id: [u8; 16],
    /// At most [`MAX_ALIKE`].
    pub organisations: Vec<OrganisationId>,
}

impl Alike {
    /// The first organisation with this trait.
    pub fn first(id: [u8; 16], organisation: OrganisationId) -> Self {
        Self { id, organisations: vec![organisation] }
    }

    /// One more. `None` when it is there.
    pub fn with(mut self, organisation: OrganisationId) -> Option<Decision<Self>> {
        if self.organisations.contains(&organisation) {
            return None;
        }
        if self.organisations.len() >= MAX_ALIKE {
            self.organisations.remove(0);
        }
        self.organisations.push(organisation);
        Some(Decision::quiet(Action::Indexing, self))
    }
}

/// Everything that a founded organisation is found by. Public mail providers' domains are left out when searching, not
/// here: which ones they are may change.
pub fn traits_of<'a>(profile: &Profile, emails: impl Iterator<Item = &'a Email>, keys: &Keys) -> Vec<[u8; 16]> {
    let mut domains: Vec<&str> = Vec::new();
    for domain in emails.map(Email::domain) {
        if !domains.contains(&domain) && domains.len() < MAX_DOMAINS {
            domains.push(domain);
        }
    }
    let by_domain = domains.into_iter().map(|domain| of_domain(domain, keys));
    of_number(profile, keys).into_iter().chain(of_name(profile, keys)).chain(by_domain).collect()
}

/// What to look up for somebody who registers, the strongest trait first. Three reads at most.
pub fn traits_to_search(profile: &Profile, email: &Email, public_domains: &[String], keys: &Keys) -> Vec<[u8; 16]> {
    let private = !public_domains.iter().any(|public| public == email.domain());
    let by_domain = private.then(|| of_domain(email.domain(), keys));
    of_number(profile, keys).into_iter().chain(of_name(profile, keys)).chain(by_domain).collect()
}

/// The organisations to show, in the order of the traits that were searched.
pub fn shown(found: impl IntoIterator<Item = Alike>) -> Vec<OrganisationId> {
    let mut shown: Vec<OrganisationId> = Vec::new();
    for organisation in found.into_iter().flat_map(|alike| alike.organisations.into_iter().rev()) {
        if shown.len() < MAX_SHOWN && !shown.contains(&organisation) {
            shown.push(organisation);
        }
    }
    shown
}

/// All that strangers are shown of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Glimpse {
    /// Which.
    pub id: OrganisationId,
    /// Its legal name.
    pub name: Line<120>,
    /// Its city.
    pub city: Line<80>,
    /// Its headquarters country.
    pub country: Country,
}

impl Glimpse {
    /// What is shown of this organisation.
    pub fn of(organisation: &Organisation) -> Self {
        let profile = &organisation.profile;
        let (name, city) = (profile.legal_name.clone(), profile.city.clone());
        Self { id: organisation.id, name, city, country: profile.country }
    }
}

fn of_name(profile: &Profile, keys: &Keys) -> Option<[u8; 16]> {
    let name = normalised_name(profile.legal_name.as_str());
    (!name.is_empty()).then(|| keys.index(IndexPurpose::Alike, &[b"name", name.as_bytes()]))
}

/// Numbers are given by the registers of a country, so that only those of one country are the same.
fn of_number(profile: &Profile, keys: &Keys) -> Option<[u8; 16]> {
    let number = folded(profile.registration_number.as_ref()?.as_str()).filter(|c| c.is_alphanumeric());
    let number: String = number.collect();
    let parts = [b"number", profile.country.as_str().as_bytes(), number.as_bytes()];
    (!number.is_empty()).then(|| keys.index(IndexPurpose::Alike, &parts))
}

fn of_domain(domain: &str, keys: &Keys) -> [u8; 16] {
    keys.index(IndexPurpose::Alike, &[b"domain", domain.as_bytes()])
}

/// Legal forms as they end names, without dots.
const LEGAL_FORMS: &str = " ab ag aps as asa bhd bv co company corp corporation cv de eg eirl ek eurl gmbh inc \
    incorporated kft kg kgaa kk limited llc llp lp ltd ltda mbh nv ohg oo oy oyj ou plc pte pty pvt sa sae sarl sas sasu se sl slu \
    sp spa sprl srl srls sro ua ug zoo z ";
/// Words that are left out of a name.
const JOINING: &str = " and et the und y ";

/// The name as it is written, without the legal form at its end.
pub(crate) fn without_legal_form(name: &str) -> &str {
    let mut rest = name;
    while let Some((before, last)) = rest.trim_end().rsplit_once(char::is_whitespace) {
        let plain: String = last.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let is_form = LEGAL_FORMS.split_ascii_whitespace().any(|form| form == plain);
        if before.trim().is_empty() || !(is_form || plain.is_empty()) {
            break;
        }
        rest = before;
    }
    rest.trim_end_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
}

/// The name in lower case without diacritics, punctuation, joining words and the legal form at its end.
fn normalised_name(name: &str) -> String {
    let has = |list: &str, word: &str| list.split_ascii_whitespace().any(|one| one == word);
    let plain: String = folded(name)
        .filter(|c| !matches!(c, '.' | '\'' | '’'))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let mut words: Vec<&str> = plain.split_whitespace().filter(|word| !has(JOINING, word)).collect();
    while let [_, .., last] = words.as_slice()
        && has(LEGAL_FORMS, last)
    {
        words.pop();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{organisation::RawProfile, refusal::Faults, testing::*};
    use proptest::prelude::*;

    fn profile(name: &str, country: &str, number: &str) -> Profile {
        let raw = RawProfile {
            legal_name: name.to_owned(),
            country: country.to_owned(),
            registration_number: number.to_owned(),
            ..raw_profile()
        };
        Profile::parse(&raw, "", &mut Faults::default()).expect("a profile")
    }

    fn id(n: u8) -> OrganisationId {
        OrganisationId::from_bytes([n; 16])
    }

    #[test]
    fn act_1_a_name_is_spoken_without_its_legal_form() {
        // ACT-1
        for (written, spoken) in [
            ("Kestrel Machining LLC", "Kestrel Machining"),
            ("Kestrel Machining, Inc.", "Kestrel Machining"),
            ("Birch GmbH & Co. KG", "Birch"),
            ("Łódź Stal Sp. z o.o.", "Łódź Stal"),
            ("Heron é", "Heron é"),
            ("Limited", "Limited"),
            ("Company Limited", "Company"),
            ("Vestibule", "Vestibule"),
            ("", ""),
        ] {
            assert_eq!(without_legal_form(written), spoken, "{written}");
        }
    }

    #[test]
    fn reg_3_names_are_the_same_whatever_their_case_punctuation_form_and_diacritics() {
        // REG-3
        for (name, normalised) in [
            ("Birch Machining GmbH", "birch machining"),
            ("BIRCH-MACHINING G.m.b.H.", "birch machining"),
            ("The Birch  Machining, Inc.", "birch machining"),
            ("Birch & Machining GmbH & Co. KG", "birch machining"),
            ("Société Générale S.A.", "societe generale"),
            ("Łódź Stal Sp. z o.o.", "lodz stal"),
            ("O'Brien Tools L.L.C.", "obrien tools"),
            ("Ærø Værft A/S", "aero vaerft a s"),
            ("Müller Straße KG", "muller strasse"),
            ("Company Limited", "company"),
            ("株式会社 山田", "株式会社 山田"),
            ("!!!", ""),
        ] {
            assert_eq!(normalised_name(name), normalised, "{name}");
        }
    }

    #[test]
    fn reg_3_what_is_alike_shares_a_trait() {
        // REG-3
        let keys = keys();
        let email = read("ada@birch.example");
        let founded = traits_of(&profile("Birch Machining GmbH", "DE", "HRB 47-11"), [&email].into_iter(), &keys);
        let search = |name: &str, country: &str, number: &str, email: &str| {
            let searched =
                traits_to_search(&profile(name, country, number), &read(email), &["mail.example".to_owned()], &keys);
            searched.iter().filter(|one| founded.contains(one)).count()
        };
        assert_eq!(search("birch machining", "US", "", "eve@elsewhere.example"), 1, "the name");
        assert_eq!(search("Other", "DE", "hrb4711", "eve@elsewhere.example"), 1, "the number");
        assert_eq!(search("Other", "AT", "hrb4711", "eve@elsewhere.example"), 0, "another country's number");
        assert_eq!(search("Other", "DE", "", "eve@Birch.example"), 1, "the domain");
        assert_eq!(search("Birch Machining", "DE", "HRB 4711", "eve@birch.example"), 3);
        assert_eq!(search("Other", "DE", "-", "eve@elsewhere.example"), 0);
    }

    #[test]
    fn reg_3_a_public_mail_providers_domain_says_nothing() {
        // REG-3
        let keys = keys();
        let email = read("ada@mail.example");
        let profile = profile("Birch", "DE", "");
        let public = ["mail.example".to_owned()];
        assert_eq!(traits_of(&profile, [&email].into_iter(), &keys).len(), 2);
        assert_eq!(traits_to_search(&profile, &email, &public, &keys).len(), 1);
        assert_eq!(traits_to_search(&profile, &email, &[], &keys).len(), 2);
    }

    #[test]
    fn reg_3_a_trait_remembers_few_and_a_search_shows_fewer() {
        // REG-3
        let mut alike = Alike::first([1; 16], id(0));
        assert_eq!(alike.clone().with(id(0)).map(|decision| decision.next), None);
        for n in 1..100 {
            alike = alike.with(id(n)).expect("a new one").next;
        }
        assert_eq!(alike.organisations.len(), MAX_ALIKE);
        let number = Alike { id: [2; 16], organisations: vec![id(7), id(99)] };
        assert_eq!(shown([number, alike]), [id(99), id(7), id(98), id(97), id(96)]);
    }

    proptest! {
        #[test]
        fn reg_3_a_normalised_name_is_words_with_one_space_between_them(name in "\\PC{0,40}") {
            // REG-3
            let once = normalised_name(&name);
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
        }
    }
}

//! What a code says, in both of its forms.

use shared::credential::phone::Way;
use shared::values::{AccountId, CredentialId, Timestamp};

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn code(channel: Channel) -> PhoneCode {
    PhoneCode {
        account: AccountId::from_bytes([1; 16]),
        credential: CredentialId::from_bytes([2; 16]),
        way: Way::Session,
        to: "+14195550123".parse().expect("a number"),
        channel,
        code: "012345".to_owned(),
        expires_at: Timestamp::from_unix(1_800_000_600),
    }
}

#[test]
fn crd_5_a_text_message_binds_its_code_to_our_pages() {
    // CRD-5
    let text = worded(&code(Channel::Sms), "Vestibule", "https://vestibule.example:8443", NOW);
    insta::assert_snapshot!(text, @"
    012345 is your code for Vestibule. It works for 10 minutes. Nobody from Vestibule will ask you for it.

    @vestibule.example #012345
    ");
}

#[test]
fn crd_5_a_call_says_the_code_twice_digit_by_digit() {
    // CRD-5
    let said = worded(&code(Channel::Voice), "Vestibule", "https://vestibule.example", NOW);
    insta::assert_snapshot!(said, @"Your code for Vestibule is: 0, 1, 2, 3, 4, 5. Once more: 0, 1, 2, 3, 4, 5. Nobody from Vestibule will ask you for it.");
}

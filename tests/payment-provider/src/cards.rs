//! The cards that there are, and what each of them does.

/// A test card. The first three are Stripe's; the others make the provider awkward in a way that real ones are at times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// The payment succeeds.
    Good,
    /// The bank declines.
    Declined,
    /// The account does not hold enough.
    InsufficientFunds,
    /// The payment is told twice, with one event.
    ToldTwice,
    /// The payment is told some seconds after the browser went back.
    ToldLate,
    /// The first two deliveries never arrive.
    FirstLost,
    /// The payment is given back at once, and the refund is told before the payment.
    RefundFirst,
}

/// Why the bank refused, in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

impl Card {
    /// Every card.
    pub const ALL: [Self; 7] = [
        Self::Good,
        Self::Declined,
        Self::InsufficientFunds,
        Self::ToldTwice,
        Self::ToldLate,
        Self::FirstLost,
        Self::RefundFirst,
    ];

    /// Its number, in the groups that are printed on cards.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Good => "4242 4242 4242 4242",
            Self::Declined => "4000 0000 0000 0002",
            Self::InsufficientFunds => "4000 0000 0000 9995",
            Self::ToldTwice => "4000 5000 0001 0000",
            Self::ToldLate => "4000 5000 0002 0009",
            Self::FirstLost => "4000 5000 0003 0008",
            Self::RefundFirst => "4000 5000 0004 0007",
        }
    }

    /// What happens to who pays with it.
    pub const fn effect(self) -> &'static str {
        match self {
            Self::Good => "The payment succeeds.",
            Self::Declined => "The card is declined. You can try another one.",
            Self::InsufficientFunds => "The card is declined: insufficient funds. You can try another one.",
            Self::ToldTwice => "The payment succeeds. The shop is told twice.",
            Self::ToldLate => "The payment succeeds. The shop is told some seconds later.",
            Self::FirstLost => "The payment succeeds. The first two messages to the shop get lost, the third arrives.",
            Self::RefundFirst => {
                "The payment succeeds and is refunded at once. The shop hears of the refund before the payment."
            }
        }
    }

    pub(crate) const fn decline(self) -> Option<Decline> {
        match self {
            Self::Declined => Some(Decline { code: "generic_decline", message: "Your card was declined." }),
            Self::InsufficientFunds => {
                Some(Decline { code: "insufficient_funds", message: "Your card has insufficient funds." })
            }
            _ => None,
        }
    }

    fn numbered(entered: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|card| digits(card.number()) == entered)
    }
}

/// What a person typed into the payment page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entered {
    pub(crate) number: String,
    pub(crate) expiry: String,
    pub(crate) cvc: String,
    pub(crate) name: String,
}

/// What is wrong with one field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) message: &'static str,
}

impl Entered {
    /// The card, if everything is as on a card; `month` counts from the year 0.
    pub(crate) fn card(&self, month: i32) -> Result<Card, Vec<Fault>> {
        let number = digits(&self.number);
        let card = Card::numbered(&number);
        let mut faults = Vec::new();
        if number.is_empty() {
            faults.push(Fault { field: "number", message: "Enter a card number from the table of cards to try." });
        } else if !passes_luhn(&number) {
            faults.push(Fault { field: "number", message: "Check the card number. There is no such card." });
        } else if card.is_none() {
            let message = "Take a card number from the table of cards to try. Others are not accepted here.";
            faults.push(Fault { field: "number", message });
        }
        match expiry(&self.expiry) {
            None => faults.push(Fault { field: "expiry", message: "Enter month and year, such as 12/34." }),
            Some(end) if end < month => {
                faults.push(Fault { field: "expiry", message: "Enter a month that is not over yet." });
            }
            Some(_) => {}
        }
        let cvc = self.cvc.trim();
        if !matches!(cvc.len(), 3 | 4) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
            faults.push(Fault { field: "cvc", message: "Enter three or four digits, such as 123." });
        }
        card.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// Without the spaces and hyphens that people type.
fn digits(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect()
}

/// The check digit of ISO/IEC 7812.
fn passes_luhn(number: &str) -> bool {
    let mut sum = 0;
    for (position, letter) in number.chars().rev().enumerate() {
        let Some(digit) = letter.to_digit(10) else {
            return false;
        };
        sum += match (position % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        };
    }
    (12..=19).contains(&number.len()) && sum.is_multiple_of(10)
}

/// `MM/YY` as a month that counts from the year 0.
fn expiry(text: &str) -> Option<i32> {
    let (month, year) = text.split_once('/')?;
    let two_digits = |part: &str| {
        let part = part.trim();
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i32>().ok()).flatten()
    };
    let (month, year) = (two_digits(month)?, two_digits(year)?);
    let year = if year < 100 { 2000 + year } else { year };
    ((1..=12).contains(&month) && (2000..2100).contains(&year)).then_some(year * 12 + month)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER_2026: i32 = 2026 * 12 + 11;

    fn entered(number: &str, expiry: &str, cvc: &str) -> Entered {
        Entered { number: number.into(), expiry: expiry.into(), cvc: cvc.into(), name: String::new() }
    }

    #[test]
    fn every_card_is_accepted_and_is_itself() {
        for card in Card::ALL {
            assert_eq!(entered(card.number(), "11/26", "123").card(NOVEMBER_2026), Ok(card));
            assert_eq!(entered(&card.number().replace(' ', "-"), " 1 / 2034", "1234").card(NOVEMBER_2026), Ok(card));
        }
    }

    #[test]
    fn faults_are_told_by_field() {
        let fields = |number, expiry, cvc| {
            let faults = entered(number, expiry, cvc).card(NOVEMBER_2026).err().unwrap_or_default();
            faults.iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(fields("", "", ""), ["number", "expiry", "cvc"]);
        assert_eq!(fields("4242 4242 4242 4241", "12/34", "123"), ["number"], "the check digit is wrong");
        assert_eq!(fields("5555 5555 5555 4444", "12/34", "123"), ["number"], "no card of ours");
        for past in ["10/26", "13/34", "00/34", "1234", "+1/34", "12/-1"] {
            assert_eq!(fields("4242424242424242", past, "123"), ["expiry"], "{past}");
        }
        for cvc in ["12", "12345", "abc"] {
            assert_eq!(fields("4242424242424242", "12/34", cvc), ["cvc"], "{cvc}");
        }
    }
}

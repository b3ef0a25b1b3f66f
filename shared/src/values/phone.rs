//! Telephone numbers.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Country, ParseError};

/// A number in ITU-T E.164 form: `+`, then 8 to 15 digits that do not begin with 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

impl Phone {
    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Phone {
    /// A number as people of this country write it: without `+` it is one of the country's own.
    ///
    /// The digit that introduces national numbers (0 in most countries) is dropped, as is a leading international
    /// prefix (`00`, in North America `011`).
    ///
    /// # Errors
    /// A number that is none of the country, or too short or long for ITU-T E.164.
    pub fn of_country(text: &str, country: Country) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() || text.starts_with('+') {
            return text.parse();
        }
        let invalid = || {
            let hint = format!("Enter a number of {}, or one with + and its country code.", country.name());
            ParseError::new("phone-invalid", hint)
        };
        let code = calling_code(country).ok_or_else(invalid)?;
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')')).collect();
        let abroad = if code.starts_with('1') { "011" } else { "00" };
        let international = match digits.strip_prefix(abroad) {
            Some(rest) => format!("+{rest}"),
            None => format!("+{code}{}", without_trunk_digit(&digits, code, country)),
        };
        international.parse().map_err(|_| invalid())
    }
}

/// The number without the digit or digits that are dialled before it within the country only.
fn without_trunk_digit<'a>(digits: &'a str, code: &str, country: Country) -> &'a str {
    let trunk = match (country.as_str(), code) {
        // The zero belongs to the number.
        ("IT" | "SM" | "VA" | "CI" | "CG" | "GA" | "BJ", _) => "",
        ("HU", _) => "06",
        ("RU" | "KZ" | "BY" | "TM", _) => "8",
        // Numbers of the North American plan may begin with its own code.
        (_, code) if code.starts_with('1') => "1",
        _ => "0",
    };
    digits.strip_prefix(trunk).unwrap_or(digits)
}

/// The calling code of the country (ITU-T E.164), with the area where several countries share one.
fn calling_code(country: Country) -> Option<&'static str> {
    let entries = CALLING_CODES.split_ascii_whitespace();
    entries
        .filter_map(|entry| entry.split_at_checked(2))
        .find(|(one, _)| *one == country.as_str())
        .map(|(_, code)| code)
}

/// Alpha-2 code and calling code, as the ITU assigns them; countries without one of their own are left out.
const CALLING_CODES: &str = "\
    AD376 AE971 AF93 AG1 AI1 AL355 AM374 AO244 AR54 AS1 AT43 AU61 AW297 AX358 AZ994 BA387 BB1 BD880 BE32 BF226 BG359 \
    BH973 BI257 BJ229 BL590 BM1 BN673 BO591 BQ599 BR55 BS1 BT975 BW267 BY375 BZ501 CA1 CC61 CD243 CF236 CG242 CH41 \
    CI225 CK682 CL56 CM237 CN86 CO57 CR506 CU53 CV238 CW599 CX61 CY357 CZ420 DE49 DJ253 DK45 DM1 DO1 DZ213 EC593 \
    EE372 EG20 EH212 ER291 ES34 ET251 FI358 FJ679 FK500 FM691 FO298 FR33 GA241 GB44 GD1 GE995 GF594 GG44 GH233 \
    GI350 GL299 GM220 GN224 GP590 GQ240 GR30 GT502 GU1 GW245 GY592 HK852 HN504 HR385 HT509 HU36 ID62 IE353 IL972 \
    IM44 IN91 IO246 IQ964 IR98 IS354 IT39 JE44 JM1 JO962 JP81 KE254 KG996 KH855 KI686 KM269 KN1 KP850 KR82 KW965 \
    KY1 KZ7 LA856 LB961 LC1 LI423 LK94 LR231 LS266 LT370 LU352 LV371 LY218 MA212 MC377 MD373 ME382 MF590 MG261 \
    MH692 MK389 ML223 MM95 MN976 MO853 MP1 MQ596 MR222 MS1 MT356 MU230 MV960 MW265 MX52 MY60 MZ258 NA264 NC687 \
    NE227 NF672 NG234 NI505 NL31 NO47 NP977 NR674 NU683 NZ64 OM968 PA507 PE51 PF689 PG675 PH63 PK92 PL48 PM508 \
    PR1 PS970 PT351 PW680 PY595 QA974 RE262 RO40 RS381 RU7 RW250 SA966 SB677 SC248 SD249 SE46 SG65 SH290 SI386 \
    SJ47 SK421 SL232 SM378 SN221 SO252 SR597 SS211 ST239 SV503 SX1 SY963 SZ268 TC1 TD235 TG228 TH66 TJ992 TK690 \
    TL670 TM993 TN216 TO676 TR90 TT1 TV688 TW886 TZ255 UA380 UG256 US1 UY598 UZ998 VA39 VC1 VE58 VG1 VI1 VN84 \
    VU678 WF681 WS685 XK383 YE967 YT262 ZA27 ZM260 ZW263";

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Phone {
    type Err = ParseError;

    /// Spaces, dashes, dots and parentheses are dropped.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid =
            || ParseError::new("phone-invalid", "Enter the number with + and its country code, like +1 212 555 0100.");
        let digits = text.trim().strip_prefix('+').ok_or_else(invalid)?;
        let digits: String = digits.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).take(16).collect();
        let shaped = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if shaped { Ok(Self(format!("+{digits}"))) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Phone {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_reduced_to_e_164() {
        for text in ["+12125550100", " +1 212 555 0100 ", "+1 (212) 555-0100", "+1.212.555.0100"] {
            assert_eq!(text.parse::<Phone>().expect("a number").as_str(), "+12125550100");
        }
    }

    #[test]
    fn eight_to_fifteen_digits() {
        for good in ["+12345678", "+123456789012345"] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "+",
            "+1234567",
            "+1234567890123456",
            "12125550100",
            "+02125550100",
            "+1212555O100",
            "++12125550100",
            "+1212555٠100",
        ] {
            assert!(wrong.parse::<Phone>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reg_1_a_number_without_its_country_code_is_one_of_the_country() {
        // REG-1
        let number = |text: &str, country: &str| {
            let country: Country = country.parse().expect("a country");
            Phone::of_country(text, country).map(|phone| phone.as_str().to_owned()).ok()
        };
        for (text, country, expected) in [
            ("0731 5550100", "DE", Some("+497315550100")),
            ("0731/555-0100", "DE", Some("+497315550100")),
            ("0044 20 7946 0100", "DE", Some("+442079460100")),
            ("(419) 555-0123", "US", Some("+14195550123")),
            ("1 419 555 0123", "US", Some("+14195550123")),
            ("011 49 731 5550100", "US", Some("+497315550100")),
            ("020 7946 0100", "GB", Some("+442079460100")),
            ("06 6982 0000", "IT", Some("+390669820000")),
            ("06 1 555 0100", "HU", Some("+3615550100")),
            ("8 495 555-01-00", "RU", Some("+74955550100")),
            ("+1 419 555 0123", "DE", Some("+14195550123")),
            ("12", "DE", None),
            ("555 O100 22", "US", None),
            ("", "US", None),
            ("0731 5550100", "AQ", None),
        ] {
            assert_eq!(number(text, country).as_deref(), expected, "{text} {country}");
        }
    }

    #[test]
    fn reg_1_a_calling_code_belongs_to_a_country() {
        // REG-1
        for entry in CALLING_CODES.split_ascii_whitespace() {
            let (country, code) = entry.split_at(2);
            assert!(country.parse::<Country>().is_ok(), "{entry}");
            assert!((1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn a_countrys_number_is_one_or_is_refused(text in "\\PC{0,24}", digits in "[0-9 ()/.-]{0,20}", at in 0_usize..250) {
            let country = Country::all().nth(at).map(|(country, _)| country).expect("250 countries");
            for text in [text, digits] {
                if let Ok(phone) = Phone::of_country(&text, country) {
                    prop_assert_eq!(phone.as_str().parse(), Ok(phone.clone()));
                }
            }
        }

        #[test]
        fn numbers_survive_their_text(text in "\\+[0-9 ().-]{7,20}") {
            if let Ok(phone) = text.parse::<Phone>() {
                prop_assert_eq!(phone.as_str().parse(), Ok(phone.clone()));
                let stored = postcard::to_allocvec(&phone).expect("text");
                prop_assert_eq!(postcard::from_bytes(&stored), Ok(phone));
            }
        }
    }
}

//! QR codes as inline SVG, which no policy of a page forbids.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of light margin that a scanner needs around a QR code (ISO/IEC 18004, 9.1).
const MARGIN: i32 = 4;

/// A QR code as the path of an SVG; `qr.html` draws it.
#[derive(Debug)]
pub struct Qr {
    /// Width and height in modules, margins included.
    pub side: i32,
    /// The dark modules.
    pub path: String,
}

impl Qr {
    /// `None` when the text is too long for a QR code.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
        let size = code.size();
        let mut path = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let run = (x..size).take_while(|x| code.get_module(*x, y)).count();
                if run > 0 {
                    // Writing to a text cannot fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN);
                }
                x += i32::try_from(run).ok()? + 1;
            }
        }
        Some(Self { side: size + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crd_4_a_qr_code_has_its_margin() {
        // CRD-4
        let qr = Qr::of("otpauth://totp/a").expect("short enough");
        assert_eq!(qr.side, 21 + 2 * MARGIN, "16 bytes fit the smallest code");
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "the upper edge of a finder pattern is dark");
        assert!(Qr::of(&"a".repeat(4_000)).is_none());
    }
}

//! Decimals in a form that sorts like the numbers.

use rust_decimal::Decimal;

use crate::schema::FieldKind;

/// How the decimals of a kind are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalForm {
    /// As a whole number: the decimal times ten to the power of this.
    Scaled(u8),
    /// As [`SortableDecimal`].
    Sortable,
}

impl DecimalForm {
    /// Returns the form of a decimal or money kind, `None` for other kinds.
    #[must_use]
    pub fn of(kind: &FieldKind) -> Option<Self> {
        match kind {
            FieldKind::Decimal {
                precision: Some(1..=18),
                scale: Some(scale @ 0..=18),
            }
            | FieldKind::Money {
                scale: scale @ 0..=4, ..
            } => Some(Self::Scaled(*scale)),
            FieldKind::Decimal { .. } | FieldKind::Money { .. } => Some(Self::Sortable),
            _ => None,
        }
    }
}

/// Returns a decimal times ten to the power of `scale` if that is a whole number of 64 bits.
pub(crate) fn scaled(value: Decimal, scale: u8) -> Option<i64> {
    let (mantissa, own) = (value.mantissa(), value.scale());
    let scale = u32::from(scale);
    let whole = if own <= scale {
        mantissa.checked_mul(10i128.checked_pow(scale - own)?)?
    } else {
        let unit = 10i128.checked_pow(own - scale)?;
        (mantissa % unit == 0).then_some(mantissa / unit)?
    };
    i64::try_from(whole).ok()
}

/// The bytes of a decimal: byte order is numeric order, and equal numbers (1.0 and 1.00) have the same bytes.
///
/// Zero is the single byte `80`. A positive number `0.d1d2d3… × 10^e` is the byte `A0 + e`, then its digits in pairs, a
/// byte each, plus one, without trailing zero pairs. A negative number is the complement of the positive one, and `FF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortableDecimal {
    // Bytes after `len` are zero, so that the derived order is the one of the bytes in use.
    bytes: [u8; Self::MAX_BYTES],
    len: u8,
}

const ZERO: u8 = 0x80;
const POSITIVE: i32 = 0xA0;
const MAX_PAIRS: usize = 15;

impl SortableDecimal {
    /// The most bytes that a decimal takes.
    pub const MAX_BYTES: usize = MAX_PAIRS + 2;

    /// Makes the bytes of a decimal.
    #[must_use]
    pub fn encode(value: Decimal) -> Self {
        let mut bytes = [0; Self::MAX_BYTES];
        let mut rest = value.mantissa().unsigned_abs();
        if rest == 0 {
            bytes[0] = ZERO;
            return Self { bytes, len: 1 };
        }
        let digits = rest.ilog10() + 1;
        // At most 29 digits, so the exponent is in -27..=29 and the first byte in 85..=BD.
        let exponent = digits.cast_signed() - value.scale().cast_signed();
        bytes[0] = u8::try_from(POSITIVE + exponent).unwrap_or(ZERO);
        let pairs = digits.div_ceil(2) as usize;
        if digits % 2 == 1 {
            rest *= 10;
        }
        for place in (1..=pairs).rev() {
            let pair = if let Ok(small) = u64::try_from(rest) {
                rest = u128::from(small / 100);
                small % 100
            } else {
                let pair = rest % 100;
                rest /= 100;
                u64::try_from(pair).unwrap_or(0)
            };
            bytes[place] = u8::try_from(pair).unwrap_or(0) + 1;
        }
        let mut len = pairs + 1;
        while bytes[len - 1] == 1 {
            len -= 1;
            bytes[len] = 0;
        }
        if value.is_sign_negative() {
            for byte in &mut bytes[..len] {
                *byte = !*byte;
            }
            bytes[len] = 0xFF;
            len += 1;
        }
        Self {
            bytes,
            len: u8::try_from(len).unwrap_or(0),
        }
    }

    /// Reads the bytes of a decimal; `None` if they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Decimal> {
        let (&first, rest) = bytes.split_first()?;
        if first == ZERO {
            return rest.is_empty().then_some(Decimal::ZERO);
        }
        let negative = first < ZERO;
        let (flip, pairs) = if negative {
            let (&end, pairs) = rest.split_last()?;
            (end == 0xFF).then_some((0xFF, pairs))?
        } else {
            (0, rest)
        };
        if pairs.is_empty() || pairs.len() > MAX_PAIRS {
            return None;
        }
        let mut mantissa: i128 = 0;
        for byte in pairs {
            let pair = (byte ^ flip).checked_sub(1).filter(|pair| *pair < 100)?;
            mantissa = mantissa * 100 + i128::from(pair);
        }
        let mut scale = i32::try_from(pairs.len()).ok()? * 2 - (i32::from(first ^ flip) - POSITIVE);
        if mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        if scale < 0 {
            mantissa = mantissa.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?;
            scale = 0;
        }
        if negative {
            mantissa = -mantissa;
        }
        Decimal::try_from_i128_with_scale(mantissa, scale.unsigned_abs()).ok()
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

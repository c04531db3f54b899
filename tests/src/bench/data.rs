//! The rows of the measurements: 20 fields of a business record, some 580 bytes of JSON, always the same.

use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Rows of a page, as a server sends them.
pub(super) const PAGE: usize = 1_000;

/// An opportunity as it stands in a page; text is borrowed from the page's bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Opportunity<'a> {
    /// Empty in records that no server has sent.
    #[serde(
        borrow,
        default,
        rename = "@odata.etag",
        skip_serializing_if = "str::is_empty"
    )]
    pub(super) revision: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) number: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) account_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) owner_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) stage: Cow<'a, str>,
    pub(super) priority: i64,
    pub(super) probability: i64,
    #[serde(deserialize_with = "number")]
    pub(super) amount: i64,
    #[serde(borrow)]
    pub(super) currency: Cow<'a, str>,
    pub(super) is_active: bool,
    #[serde(borrow)]
    pub(super) email: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) phone: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) street: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) city: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) country: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) description: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) close_date: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) created_on: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) modified_on: Cow<'a, str>,
}

/// Reads a whole number; servers write those of 64 bits as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Number;
    impl serde::de::Visitor<'_> for Number {
        type Value = i64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i64, E> {
            Ok(number)
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i64, E> {
            i64::try_from(number).map_err(E::custom)
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Number)
}

/// A page of an OData collection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) value: Vec<Opportunity<'a>>,
}

const STAGES: [&str; 5] = [
    "Qualification",
    "Needs analysis",
    "Proposal",
    "Negotiation",
    "Closed won",
];
const CITIES: [(&str, &str); 5] = [
    ("Lyon", "France"),
    ("Porto", "Portugal"),
    ("Graz", "Austria"),
    ("Bergen", "Norway"),
    ("Turku", "Finland"),
];

/// The record of this number.
pub(super) fn opportunity(number: usize) -> Opportunity<'static> {
    let scattered = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let guid = |salt: u64| {
        let bits = scattered.rotate_left(17) ^ salt.wrapping_mul(0xD1B5_4A32_D192_ED03);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            bits >> 32,
            (bits >> 16) & 0xffff,
            bits & 0xfff,
            salt & 0xfff,
            scattered & 0xffff_ffff_ffff
        )
    };
    let pick =
        |count: u64| usize::try_from(scattered >> 40).unwrap_or(0) % usize::try_from(count).unwrap_or(1);
    let (city, country) = CITIES[pick(5)];
    let day = number % 28 + 1;
    let at = |hour: usize| {
        format!(
            "2026-03-{day:02}T{hour:02}:{:02}:{:02}Z",
            number % 60,
            number / 60 % 60
        )
    };
    Opportunity {
        revision: "".into(),
        id: guid(1).into(),
        number: format!("OPP-{number:07}").into(),
        name: format!("Renewal of service contract {number}").into(),
        account_id: guid(2).into(),
        owner_id: format!("00000000-0000-4000-8000-{:012}", number % 250).into(),
        stage: STAGES[pick(5)].into(),
        priority: (number % 4) as i64,
        probability: (number % 101) as i64,
        amount: (scattered >> 44) as i64 * 5,
        currency: "EUR".into(),
        is_active: !number.is_multiple_of(7),
        email: format!("purchasing{number}@customer.example").into(),
        phone: format!("+33 4 {:08}", number % 100_000_000).into(),
        street: format!("{} Station Road", number % 200 + 1).into(),
        city: city.into(),
        country: country.into(),
        description: "Asked for a quotation with two years of support".into(),
        close_date: format!("2026-09-{day:02}").into(),
        created_on: at(8).into(),
        modified_on: at(15).into(),
    }
}

/// The pages of JSON that a server would send for this many records.
///
/// # Errors
/// When a record does not serialize.
pub(super) fn pages(records: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    (0..records)
        .step_by(PAGE)
        .map(|first| {
            let value = (first..records.min(first + PAGE)).map(opportunity).collect();
            Ok(serde_json::to_vec(&Page { value })?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn pages_hold_every_record_once_and_read_back_borrowed() {
        let pages = pages(2_500).unwrap();
        assert_eq!(pages.len(), 3);
        let mut ids = BTreeSet::new();
        for bytes in &pages {
            let page: Page<'_> = serde_json::from_slice(bytes).unwrap();
            for record in &page.value {
                assert!(matches!(record.name, Cow::Borrowed(_)));
                ids.insert(record.id.clone().into_owned());
            }
        }
        assert_eq!(ids.len(), 2_500);
    }
}

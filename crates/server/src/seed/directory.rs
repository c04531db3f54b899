//! People and how they are organized.

use super::people::{FIRST, LAST};
use super::plan::Plan;
use super::rng::Rng;
use super::row::SeedRow;
use super::words::PLACES;

/// Users with names of their own, for demonstrations; the others are named after people.
const NAMED: [(&str, &str); 6] = [
    ("demo", "Demo User"),
    ("admin", "Ada Minster"),
    ("alice", "Alice Bennett"),
    ("bob", "Bob Hughes"),
    ("carol", "Carol Foster"),
    ("dave", "Dave Palmer"),
];

pub(super) fn business_unit(_: &Plan, n: usize) -> SeedRow {
    let units = [
        ("Headquarters", "HQ-100", "Hamburg", "Germany"),
        ("Sales North", "SA-210", "Hamburg", "Germany"),
        ("Sales South", "SA-220", "Milan", "Italy"),
        ("Sales Overseas", "SA-230", "Boston", "United States"),
        ("Field Service", "SE-310", "Rotterdam", "Netherlands"),
        ("Customer Care", "SE-320", "Kraków", "Poland"),
    ];
    let (name, center, city, country) = units[n];
    let row = SeedRow::new("BusinessUnit", n, 1400)
        .text("name", name)
        .text("cost_center", center)
        .text("city", city)
        .text("country", country);
    if n == 0 {
        row
    } else {
        row.lookup("parent_id", "BusinessUnit", 0)
    }
}

pub(super) fn position(_: &Plan, n: usize) -> SeedRow {
    let positions = [
        ("Managing director", 0),
        ("Head of sales", 0),
        ("Head of service", 0),
        ("Regional sales manager", 1),
        ("Account manager", 3),
        ("Service dispatcher", 2),
        ("Field technician", 5),
        ("Support agent", 5),
    ];
    let (name, parent) = positions[n];
    let row = SeedRow::new("Position", n, 1400).text("name", name);
    if n == 0 {
        row
    } else {
        row.lookup("parent_id", "Position", parent)
    }
}

/// The currencies; [`PLACES`] points into them.
const CURRENCIES: [(&str, &str, &str, i64); 5] = [
    ("Euro", "EUR", "€", 1_000_000),
    ("US dollar", "USD", "$", 1_092_400),
    ("Pound sterling", "GBP", "£", 854_300),
    ("Swiss franc", "CHF", "Fr.", 941_800),
    ("Polish zloty", "PLN", "zł", 4_301_500),
];

pub(super) fn currency(_: &Plan, n: usize) -> SeedRow {
    let (name, code, symbol, rate) = CURRENCIES[n];
    SeedRow::new("Currency", n, 1400)
        .text("name", name)
        .text("iso_code", code)
        .text("symbol", symbol)
        .decimal("rate", rate, 6)
        .int("decimals", 2)
}

pub(super) fn team(_: &Plan, n: usize) -> SeedRow {
    let teams = [
        ("Key accounts", 1),
        ("Northern region", 1),
        ("Southern region", 2),
        ("Overseas", 3),
        ("Technicians", 4),
        ("Service desk", 5),
    ];
    let (name, unit) = teams[n];
    SeedRow::new("Team", n, 1400)
        .text("name", name)
        .text("email", format!("{}@driftworks.example", slug(name)))
        .lookup("business_unit_id", "BusinessUnit", unit)
}

pub(super) fn user(_: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("User", n, 0);
    let (user_name, full_name) = match NAMED.get(n) {
        Some((user, full)) => ((*user).to_owned(), (*full).to_owned()),
        None => {
            let (first, last) = (FIRST[n % FIRST.len()], LAST[n * 7 % LAST.len()]);
            (format!("{}.{n}", slug(first)), format!("{first} {last}"))
        }
    };
    let team = n % 6;
    let unit = [1, 1, 2, 3, 4, 5][team];
    let row = SeedRow::new("User", n, 1400)
        .text("email", format!("{user_name}@driftworks.example"))
        .text("user_name", user_name)
        .text("full_name", full_name)
        .text("phone", phone(&mut rng, PLACES[0].phone))
        .lookup("team_id", "Team", team)
        .lookup("business_unit_id", "BusinessUnit", unit)
        .lookup("position_id", "Position", 3 + n % 5)
        .flag("is_active", true)
        .choices("languages", vec!["en", rng.pick(&["de", "fr", "it", "es", "pl"])]);
    if n < 6 {
        row
    } else {
        row.lookup("manager_id", "User", 1 + n % 5)
    }
}

/// The name of a person.
pub(super) fn person(rng: &mut Rng) -> (&'static str, &'static str) {
    (rng.pick(FIRST), rng.pick(LAST))
}

/// Fills each `#` with a digit.
pub(super) fn phone(rng: &mut Rng, pattern: &str) -> String {
    let mut digits = rng.next();
    pattern
        .chars()
        .map(|c| {
            if c != '#' {
                return c;
            }
            let digit = char::from(b'0' + u8::try_from(digits % 10).unwrap_or(0));
            digits /= 10;
            digit
        })
        .collect()
}

/// Makes a text fit for mail addresses and host names.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            'ą' | 'á' | 'à' | 'â' => slug.push('a'),
            'é' | 'è' | 'ę' => slug.push('e'),
            'ó' | 'ö' | 'ò' => slug.push('o'),
            'ń' => slug.push('n'),
            'ü' => slug.push_str("ue"),
            'ś' => slug.push('s'),
            'ł' => slug.push('l'),
            ' ' => slug.push('-'),
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ => {}
        }
    }
    slug
}

//! Places, and what is sold.

/// A place: city, country, postal code and phone number (each `#` a digit), currency.
pub(super) struct Place {
    pub(super) city: &'static str,
    pub(super) country: &'static str,
    pub(super) postal: &'static str,
    pub(super) phone: &'static str,
    pub(super) currency: usize,
}

const fn place(
    city: &'static str,
    country: &'static str,
    postal: &'static str,
    phone: &'static str,
    currency: usize,
) -> Place {
    Place {
        city,
        country,
        postal,
        phone,
        currency,
    }
}

pub(super) const PLACES: &[&Place] = &[
    &place("Hamburg", "Germany", "2####", "+49 40 6696####", 0),
    &place("Berlin", "Germany", "1####", "+49 30 2312####", 0),
    &place("Munich", "Germany", "8####", "+49 89 9998####", 0),
    &place("Cologne", "Germany", "5####", "+49 221 4710####", 0),
    &place("Vienna", "Austria", "1##0", "+43 1 555####", 0),
    &place("Zurich", "Switzerland", "80##", "+41 44 555 ## ##", 3),
    &place("Geneva", "Switzerland", "12##", "+41 22 555 ## ##", 3),
    &place("Paris", "France", "750##", "+33 1 99 00 ## ##", 0),
    &place("Lyon", "France", "690##", "+33 4 65 71 ## ##", 0),
    &place("Madrid", "Spain", "280##", "+34 910 55 ####", 0),
    &place("Valencia", "Spain", "460##", "+34 960 55 ####", 0),
    &place("Milan", "Italy", "201##", "+39 02 555 ####", 0),
    &place("Turin", "Italy", "101##", "+39 011 555 ####", 0),
    &place("Rotterdam", "Netherlands", "30##", "+31 10 555 ####", 0),
    &place("Antwerp", "Belgium", "20##", "+32 3 555 ## ##", 0),
    &place("Warsaw", "Poland", "0#-###", "+48 22 555 ## ##", 4),
    &place("Kraków", "Poland", "3#-###", "+48 12 555 ## ##", 4),
    &place("London", "United Kingdom", "EC# #AA", "+44 20 7946 0###", 2),
    &place("Manchester", "United Kingdom", "M# #AB", "+44 161 496 0###", 2),
    &place("Leeds", "United Kingdom", "LS# #CD", "+44 113 496 0###", 2),
    &place("Chicago", "United States", "606##", "+1 312 555 01##", 1),
    &place("Boston", "United States", "021##", "+1 617 555 01##", 1),
    &place("Denver", "United States", "802##", "+1 303 555 01##", 1),
    &place("Portland", "United States", "972##", "+1 503 555 01##", 1),
    &place("Austin", "United States", "787##", "+1 512 555 01##", 1),
];

pub(super) const STREETS: &[&str] = &[
    "Harbor Road",
    "Station Street",
    "Market Square",
    "Mill Lane",
    "Church Street",
    "Park Avenue",
    "Industrial Way",
    "Bridge Street",
    "Garden Street",
    "School Road",
    "Forest Road",
    "Canal Street",
    "Castle Street",
    "Ring Road",
    "Commerce Park",
    "Depot Street",
    "Foundry Lane",
    "Quay Street",
    "Airport Road",
    "Vineyard Lane",
];

/// A family of products: its code, what they are called, and what the code starts with.
pub(super) const FAMILIES: &[&(&str, &str, &str)] = &[
    &("pumps", "Circulation pump", "CP"),
    &("pumps", "Submersible pump", "SP"),
    &("pumps", "Dosing pump", "DP"),
    &("valves", "Ball valve", "BV"),
    &("valves", "Check valve", "CV"),
    &("valves", "Butterfly valve", "FV"),
    &("sensors", "Pressure sensor", "PS"),
    &("sensors", "Flow meter", "FM"),
    &("sensors", "Level sensor", "LS"),
    &("drives", "Frequency inverter", "FI"),
    &("drives", "Gear motor", "GM"),
    &("drives", "Servo drive", "SD"),
    &("controls", "Control panel", "PN"),
    &("controls", "Remote terminal", "RT"),
    &("services", "Maintenance contract", "MC"),
    &("services", "Commissioning", "CM"),
];

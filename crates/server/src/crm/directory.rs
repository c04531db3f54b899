//! Who works here: users, teams, business units, positions; and the currencies they count in.

use super::declare::{EntityDef, Holds, Kind, OnDelete, field};

pub(super) const ENTITIES: &[EntityDef] = &[
    EntityDef {
        name: "BusinessUnit",
        set: "BusinessUnits",
        label: "Business unit",
        display: "name",
        kind: Kind::ReadOnly,
        fields: &[
            field("name", "Name", Holds::Text(160)).required().searchable(),
            field("parent_id", "Parent unit", Holds::Lookup(&["BusinessUnit"])),
            field("cost_center", "Cost center", Holds::Text(20)),
            field("city", "City", Holds::Text(80)),
            field("country", "Country", Holds::Text(80)),
        ],
    },
    EntityDef {
        name: "Position",
        set: "Positions",
        label: "Position",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(100)).required().searchable(),
            field("parent_id", "Reports to", Holds::Lookup(&["Position"])),
            field("description", "Description", Holds::Text(2000)),
        ],
    },
    EntityDef {
        name: "Currency",
        set: "Currencies",
        label: "Currency",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(100)).required().searchable(),
            field("iso_code", "ISO code", Holds::Text(3)).required(),
            field("symbol", "Symbol", Holds::Text(5)),
            field("rate", "Exchange rate", Holds::Decimal(18, 6)).required(),
            field("decimals", "Digits after the point", Holds::Int),
        ],
    },
    EntityDef {
        name: "Team",
        set: "Teams",
        label: "Team",
        display: "name",
        kind: Kind::ReadOnly,
        fields: &[
            field("name", "Name", Holds::Text(160)).required().searchable(),
            field(
                "business_unit_id",
                "Business unit",
                Holds::Lookup(&["BusinessUnit"]),
            )
            .part_of("teams", OnDelete::Refuse),
            field("email", "Email", Holds::Text(100)),
            field("description", "Description", Holds::Text(2000)),
        ],
    },
    EntityDef {
        name: "User",
        set: "Users",
        label: "User",
        display: "full_name",
        kind: Kind::ReadOnly,
        fields: &[
            field("user_name", "User name", Holds::Text(100)).required(),
            field("full_name", "Full name", Holds::Text(160))
                .required()
                .searchable(),
            field("title", "Job title", Holds::Text(100)),
            field("email", "Email", Holds::Text(100)),
            field("phone", "Phone", Holds::Text(40)),
            field("team_id", "Team", Holds::Lookup(&["Team"])).part_of("members", OnDelete::Refuse),
            field(
                "business_unit_id",
                "Business unit",
                Holds::Lookup(&["BusinessUnit"]),
            )
            .part_of("users", OnDelete::Refuse),
            field("position_id", "Position", Holds::Lookup(&["Position"])),
            field("manager_id", "Manager", Holds::Lookup(&["User"])),
            field("is_active", "Active", Holds::Bool),
            field(
                "languages",
                "Languages",
                Holds::Choices(&[
                    ("en", "English"),
                    ("de", "German"),
                    ("es", "Spanish"),
                    ("fr", "French"),
                    ("it", "Italian"),
                    ("pl", "Polish"),
                ]),
            ),
        ],
    },
];

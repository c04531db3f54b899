//! The commands of the CRM: what people do with a record beyond changing its fields.

use super::declare::From::{Bool, Choice, Field, Int, Made, Now, Parameter, Record};
use super::declare::{CommandDef, CommandsOf, EffectDef, FieldDef, From, Holds, field};

const fn set(field: &'static str, to: From) -> EffectDef {
    EffectDef::Set(field, to)
}

const fn make(
    slot: &'static str,
    entity: &'static str,
    only_if: &'static [&'static str],
    fields: &'static [(&'static str, From)],
) -> EffectDef {
    EffectDef::Make {
        slot,
        entity,
        only_if,
        fields,
    }
}

const fn wanted(name: &'static str, label: &'static str) -> FieldDef {
    field(name, label, Holds::Bool)
}

/// The cases that are still worked on.
const OPEN_CASE: &[Option<&str>] = &[None, Some("new"), Some("in_progress"), Some("waiting")];
const OPEN_LEAD: &[Option<&str>] = &[None, Some("new"), Some("contacted")];
const OPEN_OPPORTUNITY: &[Option<&str>] = &[None, Some("open")];
const OPEN_ACTIVITY: &[Option<&str>] = &[None, Some("open"), Some("scheduled")];

const CLOSE_DATE: FieldDef = field("close_date", "Closed on", Holds::Date);

pub(super) const COMMANDS: &[CommandsOf] = &[
    CommandsOf {
        entities: &["Lead"],
        commands: &[
            CommandDef {
                name: "QualifyLead",
                label: "Qualify",
                parameters: &[
                    wanted("create_account", "Create an account"),
                    wanted("create_contact", "Create a contact"),
                    wanted("create_opportunity", "Create an opportunity"),
                    field("account_id", "Account that is there", Holds::Lookup(&["Account"])),
                    field("contact_id", "Contact that is there", Holds::Lookup(&["Contact"])),
                ],
                when: &[("status", OPEN_LEAD)],
                effects: &[
                    make(
                        "account",
                        "Account",
                        &["create_account", "account_id"],
                        &[
                            ("name", Field("company")),
                            ("category", Choice("prospect")),
                            ("industry", Field("industry")),
                            ("email", Field("email")),
                            ("phone", Field("phone")),
                            ("city", Field("city")),
                            ("country", Field("country")),
                            ("owner_id", Field("owner_id")),
                        ],
                    ),
                    make(
                        "contact",
                        "Contact",
                        &["create_contact", "contact_id"],
                        &[
                            ("last_name", Field("full_name")),
                            ("full_name", Field("full_name")),
                            ("email", Field("email")),
                            ("phone", Field("phone")),
                            ("city", Field("city")),
                            ("country", Field("country")),
                            ("account_id", Made("account")),
                            ("owner_id", Field("owner_id")),
                        ],
                    ),
                    make(
                        "opportunity",
                        "Opportunity",
                        &["create_opportunity"],
                        &[
                            ("name", Field("subject")),
                            ("account_id", Made("account")),
                            ("contact_id", Made("contact")),
                            ("stage", Choice("qualify")),
                            ("status", Choice("open")),
                            ("estimated_value", Field("estimated_value")),
                            ("currency_id", Field("currency_id")),
                            ("owner_id", Field("owner_id")),
                            ("description", Field("description")),
                        ],
                    ),
                    set("status", Choice("qualified")),
                ],
            },
            CommandDef {
                name: "DisqualifyLead",
                label: "Disqualify",
                parameters: &[field("reason", "Reason", Holds::Text(400))],
                when: &[("status", OPEN_LEAD)],
                effects: &[
                    set("status", Choice("disqualified")),
                    set("disqualify_reason", Parameter("reason")),
                ],
            },
        ],
    },
    CommandsOf {
        entities: &["Opportunity"],
        commands: &[
            CommandDef {
                name: "CloseAsWon",
                label: "Close as won",
                parameters: &[CLOSE_DATE],
                when: &[("status", OPEN_OPPORTUNITY)],
                effects: &[
                    set("status", Choice("won")),
                    set("stage", Choice("close")),
                    set("probability", Int(100)),
                    set("close_date", Parameter("close_date")),
                ],
            },
            CommandDef {
                name: "CloseAsLost",
                label: "Close as lost",
                parameters: &[
                    CLOSE_DATE,
                    field("competitor_id", "Lost to", Holds::Lookup(&["Competitor"])),
                ],
                when: &[("status", OPEN_OPPORTUNITY)],
                effects: &[
                    set("status", Choice("lost")),
                    set("stage", Choice("close")),
                    set("probability", Int(0)),
                    set("close_date", Parameter("close_date")),
                    set("competitor_id", Parameter("competitor_id")),
                ],
            },
        ],
    },
    CommandsOf {
        entities: &["Case"],
        commands: &[CommandDef {
            name: "CloseCase",
            label: "Close",
            parameters: &[field("resolution", "Resolution", Holds::Text(4000)).required()],
            when: &[("status", OPEN_CASE)],
            effects: &[
                make(
                    "message",
                    "CaseMessage",
                    &[],
                    &[
                        ("case_id", Record),
                        ("text", Parameter("resolution")),
                        ("is_internal", Bool(false)),
                        ("sent_at", Now),
                    ],
                ),
                set("status", Choice("resolved")),
                set("resolved_at", Now),
            ],
        }],
    },
    CommandsOf {
        entities: &[
            "Task",
            "Appointment",
            "PhoneCall",
            "Fax",
            "Letter",
            "ServiceAppointment",
            "RecurringAppointment",
            "CampaignActivity",
            "CampaignResponse",
            "SocialActivity",
        ],
        commands: &[CommandDef {
            name: "ConvertToCase",
            label: "Convert to case",
            parameters: &[],
            when: &[("status", OPEN_ACTIVITY)],
            effects: &[
                make(
                    "case",
                    "Case",
                    &[],
                    &[
                        ("subject", Field("subject")),
                        ("status", Choice("new")),
                        ("priority", Field("priority")),
                        ("account_id", Field("account_id")),
                        ("owner_id", Field("owner_id")),
                        ("description", Field("description")),
                    ],
                ),
                set("case_id", Made("case")),
                set("status", Choice("completed")),
            ],
        }],
    },
];

//! Service: cases with categories and conversations, visits on site, attachments, and who is connected with whom.

use super::declare::{DESCRIPTION, EntityDef, Holds, Kind, OWNER, OnDelete, field};

pub(super) const PRIORITIES: &[(&str, &str)] = &[
    ("low", "Low"),
    ("normal", "Normal"),
    ("high", "High"),
    ("urgent", "Urgent"),
];

pub(super) const ENTITIES: &[EntityDef] = &[
    EntityDef {
        name: "Case",
        set: "Cases",
        label: "Case",
        display: "subject",
        kind: Kind::Open,
        fields: &[
            field("number", "Case number", Holds::Text(20)).server_made(),
            field("subject", "Subject", Holds::Text(200))
                .required()
                .searchable(),
            field(
                "status",
                "Status",
                Holds::Choice(&[
                    ("new", "New"),
                    ("in_progress", "In progress"),
                    ("waiting", "Waiting for customer"),
                    ("resolved", "Resolved"),
                    ("canceled", "Canceled"),
                ]),
            )
            .each_transition(),
            field("priority", "Priority", Holds::Choice(PRIORITIES)),
            field("category_id", "Category", Holds::Lookup(&["CaseCategory"])),
            field("account_id", "Account", Holds::Lookup(&["Account"])).part_of("cases", OnDelete::Refuse),
            field("contact_id", "Contact", Holds::Lookup(&["Contact"])),
            field("product_id", "Product", Holds::Lookup(&["Product"])),
            field(
                "origin",
                "Origin",
                Holds::Choice(&[
                    ("phone", "Phone"),
                    ("email", "Email"),
                    ("web", "Web"),
                    ("visit", "Visit"),
                ]),
            ),
            field("due_at", "Due", Holds::DateTime),
            field("resolved_at", "Resolved", Holds::DateTime),
            OWNER,
            DESCRIPTION,
        ],
    },
    EntityDef {
        name: "CaseCategory",
        set: "CaseCategories",
        label: "Case category",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(100)).required().searchable(),
            field("parent_id", "Parent category", Holds::Lookup(&["CaseCategory"])),
            field("response_hours", "Hours to first response", Holds::Int),
        ],
    },
    EntityDef {
        name: "CaseMessage",
        set: "CaseMessages",
        label: "Case message",
        display: "",
        kind: Kind::AppendOnly,
        fields: &[
            field("case_id", "Case", Holds::Lookup(&["Case"]))
                .required()
                .part_of("messages", OnDelete::Cascade),
            field("text", "Text", Holds::Text(4000)).required().searchable(),
            field("author", "Author", Holds::Text(160)),
            field("user_id", "User", Holds::Lookup(&["User"])),
            field("contact_id", "Contact", Holds::Lookup(&["Contact"])),
            field("is_internal", "Internal note", Holds::Bool),
            field("sent_at", "Sent", Holds::DateTime),
        ],
    },
    EntityDef {
        name: "ServiceVisit",
        set: "ServiceVisits",
        label: "Service visit",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(200)).required().searchable(),
            field("account_id", "Account", Holds::Lookup(&["Account"]))
                .required()
                .part_of("visits", OnDelete::Refuse),
            field("case_id", "Case", Holds::Lookup(&["Case"])),
            field(
                "status",
                "Status",
                Holds::Choice(&[
                    ("planned", "Planned"),
                    ("on_site", "On site"),
                    ("done", "Done"),
                    ("canceled", "Canceled"),
                ]),
            )
            .each_transition(),
            field("planned_at", "Planned", Holds::DateTime),
            field("duration", "Duration", Holds::Duration),
            field("distance_km", "Distance in kilometers", Holds::Double),
            field("signed_by", "Signed by", Holds::Text(160)),
            OWNER,
            field("notes", "Notes", Holds::Text(4000)),
        ],
    },
    EntityDef {
        name: "Attachment",
        set: "Attachments",
        label: "Attachment",
        display: "name",
        kind: Kind::ReadOnly,
        fields: &[
            field("name", "File name", Holds::Text(255))
                .required()
                .searchable(),
            field("case_id", "Case", Holds::Lookup(&["Case"])).part_of("attachments", OnDelete::Cascade),
            field("media_type", "Media type", Holds::Text(100)),
            field("size", "Size in bytes", Holds::Int),
            OWNER,
        ],
    },
    EntityDef {
        name: "ConnectionRole",
        set: "ConnectionRoles",
        label: "Connection role",
        display: "name",
        kind: Kind::ReadOnly,
        fields: &[
            field("name", "Name", Holds::Text(100)).required().searchable(),
            field(
                "category",
                "Category",
                Holds::Choice(&[
                    ("business", "Business"),
                    ("family", "Family"),
                    ("social", "Social"),
                ]),
            ),
        ],
    },
    EntityDef {
        name: "Connection",
        set: "Connections",
        label: "Connection",
        display: "name",
        kind: Kind::ReadOnly,
        fields: &[
            field("name", "Name", Holds::Text(200)),
            field("contact_id", "Contact", Holds::Lookup(&["Contact"]))
                .part_of("connections", OnDelete::Cascade),
            field("account_id", "Account", Holds::Lookup(&["Account"]))
                .part_of("connections", OnDelete::Cascade),
            field("role_id", "Role", Holds::Lookup(&["ConnectionRole"])),
            DESCRIPTION,
        ],
    },
];

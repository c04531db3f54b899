//! Activities: every kind of them over one base entity.

use super::declare::{DESCRIPTION, EntityDef, FieldDef, Holds, Kind, OWNER, OnDelete, field};
use super::sales::SOURCES;
use super::service::PRIORITIES;

/// The base entity of every activity.
pub(super) const BASE: &str = "ActivityPointer";

/// What every activity has.
const POINTER: &[FieldDef] = &[
    field("subject", "Subject", Holds::Text(200))
        .required()
        .searchable(),
    field(
        "status",
        "Status",
        Holds::Choice(&[
            ("open", "Open"),
            ("scheduled", "Scheduled"),
            ("completed", "Completed"),
            ("canceled", "Canceled"),
        ]),
    ),
    field("priority", "Priority", Holds::Choice(PRIORITIES)),
    field("account_id", "Account", Holds::Lookup(&["Account"])).part_of("activities", OnDelete::Cascade),
    field("case_id", "Case", Holds::Lookup(&["Case"])).part_of("activities", OnDelete::Cascade),
    field("opportunity_id", "Opportunity", Holds::Lookup(&["Opportunity"]))
        .part_of("activities", OnDelete::Cascade),
    field("start_at", "Start", Holds::DateTime),
    field("due_at", "Due", Holds::DateTime),
    OWNER,
    DESCRIPTION,
];

const PHONE: FieldDef = field("phone", "Phone number", Holds::Text(40));
const CONTACT: FieldDef = field("contact_id", "Contact", Holds::Lookup(&["Contact"]));
const OUTGOING: FieldDef = field("is_outgoing", "Outgoing", Holds::Bool);
const LOCATION: FieldDef = field("location", "Location", Holds::Text(200));

const fn activity(
    name: &'static str,
    set: &'static str,
    label: &'static str,
    fields: &'static [FieldDef],
) -> EntityDef {
    EntityDef {
        name,
        set,
        label,
        display: "subject",
        kind: Kind::Activity,
        fields,
    }
}

pub(super) const ENTITIES: &[EntityDef] = &[
    EntityDef {
        name: BASE,
        set: "ActivityPointers",
        label: "Activity",
        display: "subject",
        kind: Kind::Base,
        fields: POINTER,
    },
    activity(
        "Task",
        "Tasks",
        "Task",
        &[field("percent_complete", "Percent complete", Holds::Int)],
    ),
    activity(
        "Appointment",
        "Appointments",
        "Appointment",
        &[CONTACT, LOCATION, field("is_all_day", "All day", Holds::Bool)],
    ),
    EntityDef {
        name: "Email",
        set: "Emails",
        label: "Email",
        display: "subject",
        kind: Kind::ReadOnlyActivity,
        fields: &[
            CONTACT,
            OUTGOING,
            field("sender", "From", Holds::Text(200)),
            field("recipients", "To", Holds::Text(2000)),
        ],
    },
    activity(
        "PhoneCall",
        "PhoneCalls",
        "Phone call",
        &[
            CONTACT,
            PHONE,
            OUTGOING,
            field("duration", "Duration", Holds::Duration),
        ],
    ),
    activity("Fax", "Faxes", "Fax", &[CONTACT, PHONE, OUTGOING]),
    activity(
        "Letter",
        "Letters",
        "Letter",
        &[CONTACT, OUTGOING, field("address", "Address", Holds::Text(400))],
    ),
    activity(
        "ServiceAppointment",
        "ServiceAppointments",
        "Service appointment",
        &[CONTACT, LOCATION],
    ),
    activity(
        "RecurringAppointment",
        "RecurringAppointments",
        "Recurring appointment",
        &[
            LOCATION,
            field(
                "pattern",
                "Repeats",
                Holds::Choice(&[
                    ("daily", "Daily"),
                    ("weekly", "Weekly"),
                    ("monthly", "Monthly"),
                    ("yearly", "Yearly"),
                ]),
            ),
            field("every", "Every how many", Holds::Int),
            field("ends_on", "Ends", Holds::Date),
        ],
    ),
    activity(
        "CampaignActivity",
        "CampaignActivities",
        "Campaign activity",
        &[
            field("channel", "Channel", Holds::Choice(SOURCES)),
            field("budget", "Budget", Holds::Decimal(18, 2)),
        ],
    ),
    activity(
        "CampaignResponse",
        "CampaignResponses",
        "Campaign response",
        &[
            CONTACT,
            field(
                "response",
                "Response",
                Holds::Choice(&[
                    ("interested", "Interested"),
                    ("not_interested", "Not interested"),
                    ("unsubscribe", "Unsubscribe"),
                ]),
            ),
            field("received_at", "Received", Holds::DateTime),
        ],
    ),
    activity(
        "SocialActivity",
        "SocialActivities",
        "Social activity",
        &[
            CONTACT,
            field(
                "network",
                "Network",
                Holds::Choice(&[("forum", "Forum"), ("video", "Video"), ("microblog", "Microblog")]),
            ),
            field("sentiment", "Sentiment", Holds::Double),
        ],
    ),
];

//! Sales: accounts and contacts, leads, opportunities and what they are about, and who competes for them.

use super::declare::{CURRENCY, DESCRIPTION, EntityDef, Holds, Kind, OWNER, OnDelete, field};

pub(super) const INDUSTRIES: &[(&str, &str)] = &[
    ("manufacturing", "Manufacturing"),
    ("retail", "Retail"),
    ("logistics", "Logistics"),
    ("health", "Health care"),
    ("construction", "Construction"),
    ("energy", "Energy"),
    ("food", "Food and beverages"),
    ("software", "Software"),
    ("finance", "Finance"),
    ("education", "Education"),
    ("public", "Public sector"),
    ("hospitality", "Hospitality"),
];

pub(super) const SOURCES: &[(&str, &str)] = &[
    ("web", "Web"),
    ("referral", "Referral"),
    ("trade_show", "Trade show"),
    ("campaign", "Campaign"),
    ("cold_call", "Cold call"),
    ("partner", "Partner"),
];

pub(super) const ENTITIES: &[EntityDef] = &[
    EntityDef {
        name: "Account",
        set: "Accounts",
        label: "Account",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Account name", Holds::Text(160))
                .required()
                .searchable(),
            field("number", "Account number", Holds::Text(20)).server_made(),
            field(
                "category",
                "Category",
                Holds::Choice(&[
                    ("customer", "Customer"),
                    ("prospect", "Prospect"),
                    ("partner", "Partner"),
                    ("supplier", "Supplier"),
                ]),
            ),
            field("industry", "Industry", Holds::Choice(INDUSTRIES)),
            field("website", "Website", Holds::Text(200)),
            field("email", "Email", Holds::Text(100)).searchable(),
            field("phone", "Phone", Holds::Text(40)),
            field("street", "Street", Holds::Text(160)),
            field("city", "City", Holds::Text(80)).searchable(),
            field("postal_code", "Postal code", Holds::Text(20)),
            field("country", "Country", Holds::Text(80)),
            field("employees", "Employees", Holds::Int),
            field("revenue", "Annual revenue", Holds::Money),
            CURRENCY,
            field("credit_hold", "Credit hold", Holds::Bool),
            field("parent_id", "Parent account", Holds::Lookup(&["Account"]))
                .part_of("subsidiaries", OnDelete::Refuse),
            OWNER,
        ],
    },
    EntityDef {
        name: "Contact",
        set: "Contacts",
        label: "Contact",
        display: "full_name",
        kind: Kind::Open,
        fields: &[
            field("first_name", "First name", Holds::Text(80)),
            field("last_name", "Last name", Holds::Text(160)).required(),
            field("full_name", "Full name", Holds::Text(160)).searchable(),
            field("title", "Job title", Holds::Text(100)),
            field("email", "Email", Holds::Text(100)).searchable(),
            field("phone", "Phone", Holds::Text(40)),
            field("mobile", "Mobile", Holds::Text(40)),
            field("city", "City", Holds::Text(80)),
            field("country", "Country", Holds::Text(80)),
            field("birthday", "Birthday", Holds::Date),
            field("do_not_call", "Do not call", Holds::Bool),
            field(
                "interests",
                "Interests",
                Holds::Choices(&[
                    ("newsletter", "Newsletter"),
                    ("events", "Events"),
                    ("training", "Training"),
                    ("beta", "Beta tests"),
                ]),
            ),
            field("account_id", "Account", Holds::Lookup(&["Account"])).part_of("contacts", OnDelete::Refuse),
            OWNER,
            DESCRIPTION,
        ],
    },
    EntityDef {
        name: "Lead",
        set: "Leads",
        label: "Lead",
        display: "subject",
        kind: Kind::Open,
        fields: &[
            field("subject", "Subject", Holds::Text(200))
                .required()
                .searchable(),
            field("company", "Company", Holds::Text(160)).searchable(),
            field("full_name", "Contact person", Holds::Text(160)).searchable(),
            field("email", "Email", Holds::Text(100)),
            field("phone", "Phone", Holds::Text(40)),
            field("city", "City", Holds::Text(80)),
            field("country", "Country", Holds::Text(80)),
            field("industry", "Industry", Holds::Choice(INDUSTRIES)),
            field("source", "Source", Holds::Choice(SOURCES)),
            field(
                "status",
                "Status",
                Holds::Choice(&[
                    ("new", "New"),
                    ("contacted", "Contacted"),
                    ("qualified", "Qualified"),
                    ("disqualified", "Disqualified"),
                ]),
            )
            .each_transition(),
            field("estimated_value", "Estimated value", Holds::Money),
            CURRENCY,
            field("score", "Score", Holds::Int),
            field("disqualify_reason", "Reason for disqualifying", Holds::Text(400)),
            OWNER,
            DESCRIPTION,
        ],
    },
    EntityDef {
        name: "Opportunity",
        set: "Opportunities",
        label: "Opportunity",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(200)).required().searchable(),
            field("account_id", "Account", Holds::Lookup(&["Account"]))
                .required()
                .part_of("opportunities", OnDelete::Refuse),
            field("contact_id", "Contact", Holds::Lookup(&["Contact"])),
            field(
                "stage",
                "Stage",
                Holds::Choice(&[
                    ("qualify", "Qualify"),
                    ("develop", "Develop"),
                    ("propose", "Propose"),
                    ("close", "Close"),
                ]),
            )
            .each_transition(),
            field(
                "status",
                "Status",
                Holds::Choice(&[("open", "Open"), ("won", "Won"), ("lost", "Lost")]),
            )
            .each_transition(),
            field("probability", "Probability in percent", Holds::Int),
            field("estimated_value", "Estimated value", Holds::Money),
            CURRENCY,
            field("close_date", "Expected close", Holds::Date),
            field("competitor_id", "Main competitor", Holds::Lookup(&["Competitor"])),
            OWNER,
            DESCRIPTION,
        ],
    },
    EntityDef {
        name: "OpportunityProduct",
        set: "OpportunityProducts",
        label: "Opportunity product",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Line", Holds::Text(200)).required(),
            field("opportunity_id", "Opportunity", Holds::Lookup(&["Opportunity"]))
                .required()
                .part_of("products", OnDelete::Cascade),
            field("product_id", "Product", Holds::Lookup(&["Product"])),
            field("quantity", "Quantity", Holds::Decimal(12, 3)).required(),
            field("unit_price", "Price per unit", Holds::Money),
            field("discount", "Discount in percent", Holds::Decimal(5, 2)),
            field("amount", "Amount", Holds::Money),
            CURRENCY,
        ],
    },
    EntityDef {
        name: "Product",
        set: "Products",
        label: "Product",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(160)).required().searchable(),
            field("code", "Product code", Holds::Text(40))
                .required()
                .searchable()
                .unique(),
            field(
                "family",
                "Family",
                Holds::Choice(&[
                    ("pumps", "Pumps"),
                    ("valves", "Valves"),
                    ("sensors", "Sensors"),
                    ("drives", "Drives"),
                    ("controls", "Controls"),
                    ("services", "Services"),
                ]),
            ),
            field("price", "List price", Holds::Money),
            CURRENCY,
            field("stock", "Quantity in stock", Holds::Decimal(12, 3)),
            field("weight", "Weight in kilograms", Holds::Double),
            field("is_active", "Active", Holds::Bool),
            DESCRIPTION,
        ],
    },
    EntityDef {
        name: "Competitor",
        set: "Competitors",
        label: "Competitor",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(160)).required().searchable(),
            field("website", "Website", Holds::Text(200)),
            field("strengths", "Strengths", Holds::Text(2000)),
            field("weaknesses", "Weaknesses", Holds::Text(2000)),
        ],
    },
    EntityDef {
        name: "CompetitorAddress",
        set: "CompetitorAddresses",
        label: "Competitor address",
        display: "name",
        kind: Kind::Open,
        fields: &[
            field("name", "Name", Holds::Text(160)).required(),
            field("competitor_id", "Competitor", Holds::Lookup(&["Competitor"]))
                .required()
                .part_of("addresses", OnDelete::Cascade),
            field("street", "Street", Holds::Text(160)),
            field("city", "City", Holds::Text(80)),
            field("postal_code", "Postal code", Holds::Text(20)),
            field("country", "Country", Holds::Text(80)),
            field("phone", "Phone", Holds::Text(40)),
        ],
    },
];

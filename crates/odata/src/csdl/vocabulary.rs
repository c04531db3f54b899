//! Names of the vocabularies that this crate reads and writes.

use driftless_record::FieldName;

pub(super) const ALTERNATE_KEYS: &str = "Org.OData.Core.V1.AlternateKeys";
/// What older services say for it.
pub(super) const COMMUNITY_KEYS: &str = "OData.Community.Keys.V1.AlternateKeys";
pub(super) const COMPUTED: &str = "Org.OData.Core.V1.Computed";
pub(super) const COMPUTED_DEFAULT: &str = "Org.OData.Core.V1.ComputedDefaultValue";
pub(super) const IMMUTABLE: &str = "Org.OData.Core.V1.Immutable";
pub(super) const CONCURRENCY: &str = "Org.OData.Core.V1.OptimisticConcurrency";
pub(super) const INSERT: &str = "Org.OData.Capabilities.V1.InsertRestrictions";
pub(super) const UPDATE: &str = "Org.OData.Capabilities.V1.UpdateRestrictions";
pub(super) const DELETE: &str = "Org.OData.Capabilities.V1.DeleteRestrictions";
pub(super) const FILTER: &str = "Org.OData.Capabilities.V1.FilterRestrictions";
pub(super) const SORT: &str = "Org.OData.Capabilities.V1.SortRestrictions";
pub(super) const CHANGE_TRACKING: &str = "Org.OData.Capabilities.V1.ChangeTracking";
pub(super) const ALLOWED_VALUES: &str = "Org.OData.Validation.V1.AllowedValues";
pub(super) const OPTIONAL_PARAMETER: &str = "Org.OData.Core.V1.OptionalParameter";
pub(super) const SYMBOLIC_NAME: &str = "Org.OData.Core.V1.SymbolicName";
pub(super) const ISO_CURRENCY: &str = "Org.OData.Measures.V1.ISOCurrency";
pub(super) const SAP_LABEL: &str = "com.sap.vocabularies.Common.v1.Label";
pub(super) const SAP_FIELD_CONTROL: &str = "com.sap.vocabularies.Common.v1.FieldControl";

/// Aliases that documents use without declaring them.
pub(super) const WELL_KNOWN: &[(&str, &str)] = &[
    ("Core", "Org.OData.Core.V1"),
    ("Capabilities", "Org.OData.Capabilities.V1"),
    ("Validation", "Org.OData.Validation.V1"),
    ("Measures", "Org.OData.Measures.V1"),
    ("Common", "com.sap.vocabularies.Common.v1"),
];

macro_rules! own_terms {
    ($($constant:ident $name:literal $type_name:literal $applies:literal,)*) => {
        $(pub(super) const $constant: &str = concat!("Driftless.", $name);)*
        /// Our own terms: name, type, what they apply to.
        pub(super) const OWN_TERMS: &[(&str, &str, &str)] = &[$(($name, $type_name, $applies),)*];
    };
}

own_terms! {
    SCHEMA_VERSION "SchemaVersion" "Edm.String" "EntityContainer",
    LABEL "Label" "Edm.String" "EntityType Property Action Parameter Annotation",
    NUMBER "Number" "Edm.Int64" "Annotation",
    BASE "Base" "Edm.String" "EntityType",
    DISPLAY_FIELD "DisplayField" "Edm.String" "EntityType",
    MODIFIED_FIELD "ModifiedField" "Edm.String" "EntityType",
    APPEND_ONLY "AppendOnly" "Edm.Boolean" "EntityType",
    LOCAL_ONLY "LocalOnly" "Edm.Boolean" "EntityType",
    TARGETS "Targets" "Collection(Edm.String)" "Property Parameter",
    COLLECTIONS "Collections" "Collection(Edm.String)" "EntityType",
    MONEY "Money" "Edm.Boolean" "Property Parameter",
    CURRENCY "Currency" "Edm.String" "Property Parameter",
    REQUIRED "Required" "Edm.Boolean" "Property Parameter",
    NULLABLE "Nullable" "Edm.Boolean" "Property Parameter",
    READ_ONLY "ReadOnly" "Edm.Boolean" "Property Parameter",
    TRANSITIONS "EachTransitionMatters" "Edm.Boolean" "Property Parameter",
    SEARCHABLE "Searchable" "Edm.Boolean" "Property Parameter",
    FORMER_NAMES "FormerNames" "Collection(Edm.String)" "Property Parameter",
    COMMAND_WHEN "CommandWhen" "Edm.String" "Action",
    COMMAND_EFFECTS "CommandEffects" "Edm.String" "Action",
}

/// Returns the name of the navigation property that our own metadata gives a lookup field: without a closing `Id`,
/// `ID`, `_id` or `_ID`, or with `_ref` added.
#[must_use]
pub fn navigation_name(field: &FieldName) -> String {
    let text = field.as_str();
    let stripped = ["_id", "_ID", "Id", "ID"]
        .into_iter()
        .find_map(|suffix| text.strip_suffix(suffix).filter(|rest| !rest.is_empty()));
    stripped.map_or_else(|| format!("{text}_ref"), str::to_owned)
}

//! Functions of a query, by their OData names.

use serde::{Deserialize, Serialize};

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $least:literal..=$most:literal;)*) => {
        /// A function, as OData 4.01 part 2 section 5.1.1 defines it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Function {
            $($(#[$doc])* $variant,)*
        }

        impl Function {
            /// Every function.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the OData name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns how many arguments it takes, least and most.
            #[must_use]
            pub fn arity(self) -> std::ops::RangeInclusive<usize> {
                match self { $(Self::$variant => $least..=$most,)* }
            }
        }
    };
}

functions! {
    /// Whether the first text contains the second.
    Contains = "contains", 2..=2;
    /// Whether the first text starts with the second.
    StartsWith = "startswith", 2..=2;
    /// Whether the first text ends with the second.
    EndsWith = "endswith", 2..=2;
    /// The number of characters.
    Length = "length", 1..=1;
    /// The place of the second text in the first, from 0; -1 if it is not there.
    IndexOf = "indexof", 2..=2;
    /// The text from a place (from 0), as many characters as the third argument says; negative numbers count as 0.
    Substring = "substring", 2..=3;
    /// The text with the ASCII letters in lower case; other letters stay as they are, as databases do without locale.
    ToLower = "tolower", 1..=1;
    /// The text with the ASCII letters in upper case.
    ToUpper = "toupper", 1..=1;
    /// The text without ASCII white space (space, tab, line feed, vertical tab, form feed, return) at its ends.
    Trim = "trim", 1..=1;
    /// Both texts, one after the other.
    Concat = "concat", 2..=2;
    /// The year. It and the other parts of dates and date-times are null outside years 1 to 9999 at their own offset.
    Year = "year", 1..=1;
    /// The month, 1 to 12.
    Month = "month", 1..=1;
    /// The day of the month.
    Day = "day", 1..=1;
    /// The hour.
    Hour = "hour", 1..=1;
    /// The minute.
    Minute = "minute", 1..=1;
    /// The second, whole.
    Second = "second", 1..=1;
    /// The fraction of the second, a decimal below 1.
    FractionalSeconds = "fractionalseconds", 1..=1;
    /// The date of a date-time, at its own offset.
    Date = "date", 1..=1;
    /// The time of day of a date-time, at its own offset.
    Time = "time", 1..=1;
    /// The offset of a date-time in minutes.
    TotalOffsetMinutes = "totaloffsetminutes", 1..=1;
    /// The time of the query.
    Now = "now", 0..=0;
    /// The nearest whole number, halves away from zero: a half is added, then the fraction is cut.
    Round = "round", 1..=1;
    /// The largest whole number that is not larger.
    Floor = "floor", 1..=1;
    /// The smallest whole number that is not smaller.
    Ceiling = "ceiling", 1..=1;
}

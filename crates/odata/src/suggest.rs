//! Finds the name that was probably meant.

/// Returns the known name nearest to an unknown one, if any is near: what a message suggests.
#[must_use]
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = unknown.chars().take(64).flat_map(char::to_lowercase).collect();
    let most = (wanted.len() / 3).max(1);
    known
        .map(|name| (distance(&wanted, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// The number of characters to insert, delete, replace or swap with the next to make one name of the other, ignoring
/// case.
fn distance(wanted: &[char], name: &str) -> usize {
    let name: Vec<char> = name.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (line, c) in name.iter().enumerate() {
        let mut next = vec![line + 1];
        for (at, w) in wanted.iter().enumerate() {
            let mut least = (row[at] + usize::from(w != c))
                .min(row[at + 1] + 1)
                .min(next[at] + 1);
            if line > 0 && at > 0 && name[line - 1] == *w && wanted[at - 1] == *c {
                least = least.min(before[at - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let known = || ["name", "phone", "createdAt"].into_iter();
        assert_eq!(nearest("nmae", known()), Some("name"));
        assert_eq!(nearest("nam", known()), Some("name"));
        assert_eq!(nearest("CREATEDAT", known()), Some("createdAt"));
        assert_eq!(nearest("revenue", known()), None);
    }
}

//! In which order rows go back, so that no foreign key stands in the way.

use std::collections::{BTreeSet, HashMap};

use audit_capture::Restorable;

use super::net::{Net, TableName};

/// The values by which a row is referred to, of a table and some of its columns.
type Referred<'n> = (&'n TableName, Vec<String>, Vec<&'n str>);

/// What is done to a record, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// All that is planned for it.
    Whole(usize),
    /// It comes back, and refers to nothing yet.
    WithoutLinks(usize),
    /// It refers to what came back behind it.
    Link(usize),
    /// It is to go, and lets go of what goes before it.
    Unlink(usize),
}

impl Action {
    pub(super) fn place(self) -> usize {
        let (Self::Whole(place)
        | Self::WithoutLinks(place)
        | Self::Link(place)
        | Self::Unlink(place)) = self;
        place
    }

    /// The same at another place.
    pub(super) fn at(self, other: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Self::Whole(place) => Self::Whole(other(place)),
            Self::WithoutLinks(place) => Self::WithoutLinks(other(place)),
            Self::Link(place) => Self::Link(other(place)),
            Self::Unlink(place) => Self::Unlink(other(place)),
        }
    }
}

/// The places of the records in the order in which they go back: the last that happened first, but a
/// row before the rows that will refer to it, and behind those that have referred to it.
pub(super) fn of(nets: &[Net], tables: &HashMap<TableName, Restorable>) -> Vec<Action> {
    let mut behind: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nets.len()];
    let mut add = |first: usize, second: usize| {
        if first != second
            && let Some(behind) = behind.get_mut(second)
        {
            behind.insert(first);
        }
    };
    let back = by_values(nets, tables, |net| (net.left.is_none(), net.was.as_ref()));
    let gone = by_values(nets, tables, |net| (net.was.is_none(), net.left.as_ref()));
    for (place, net) in nets.iter().enumerate() {
        for (key, is_back) in references(net, tables) {
            let parents = if is_back { &back } else { &gone };
            for parent in parents.get(&key).into_iter().flatten() {
                if is_back {
                    add(*parent, place);
                } else {
                    add(place, *parent);
                }
            }
        }
    }
    let is_back = |place: usize| nets.get(place).is_some_and(|net| net.left.is_none());
    sorted(nets.len(), &behind, is_back)
}

/// The rows that come back or go, by the values that others refer to them by.
fn by_values<'n>(
    nets: &'n [Net],
    tables: &'n HashMap<TableName, Restorable>,
    row: impl Fn(&'n Net) -> (bool, Option<&'n super::net::Fields>),
) -> HashMap<Referred<'n>, Vec<usize>> {
    let mut found: HashMap<Referred<'n>, Vec<usize>> = HashMap::new();
    for (place, net) in nets.iter().enumerate() {
        let (true, Some(fields)) = row(net) else {
            continue;
        };
        let Some(table) = tables.get(&net.table) else {
            continue;
        };
        for reference in &table.referred_by {
            let named = reference.parent_columns.iter().enumerate();
            let columns = named.filter_map(|(index, column)| {
                column.clone().or_else(|| table.key.get(index).cloned())
            });
            let columns: Vec<String> = columns.collect();
            let value = |column: &String| {
                let found = fields.iter().find(|(name, _)| name == column);
                found.map(|(_, value)| value.as_str())
            };
            if let Some(values) = columns.iter().map(value).collect() {
                let places = found.entry((&net.table, columns, values)).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
    }
    found
}

/// What a record will refer to when it is back, and what it refers to now.
fn references<'n>(
    net: &'n Net,
    tables: &'n HashMap<TableName, Restorable>,
) -> Vec<(Referred<'n>, bool)> {
    let mut found = Vec::new();
    let Some(table) = tables.get(&net.table) else {
        return found;
    };
    for reference in &table.references {
        let parent = tables.iter().find(|((schema, name), _)| {
            name.eq_ignore_ascii_case(&reference.table)
                && (reference.schema.is_none() || *schema == reference.schema)
        });
        let Some((parent_name, parent)) = parent else {
            continue;
        };
        let named = reference.parent_columns.iter().enumerate();
        let columns = named.filter_map(|(index, column)| {
            column.clone().or_else(|| parent.key.get(index).cloned())
        });
        let columns: Vec<String> = columns.collect();
        for (fields, is_back) in [(&net.was, true), (&net.left, false)] {
            let value = |column: &String| {
                let found = fields.iter().flatten().find(|(name, _)| name == column);
                found.map(|(_, value)| value.as_str())
            };
            if let Some(values) = reference.columns.iter().map(value).collect() {
                found.push(((parent_name, columns.clone(), values), is_back));
            }
        }
    }
    found
}

/// The places with the highest first, but each behind those that it must be behind. Rows that refer to
/// each other in a circle let go of each other first, or find each other at last.
fn sorted(
    count: usize,
    behind: &[BTreeSet<usize>],
    is_back: impl Fn(usize) -> bool,
) -> Vec<Action> {
    let mut left: BTreeSet<usize> = (0..count).collect();
    let mut order = Vec::with_capacity(count);
    let mut links = Vec::new();
    let mut unlinked = BTreeSet::new();
    let waits_for = |place: usize, left: &BTreeSet<usize>| -> Vec<usize> {
        let firsts = behind.get(place).into_iter().flatten();
        firsts
            .filter(|first| left.contains(first))
            .copied()
            .collect()
    };
    let mut waiting: Vec<usize> = behind.iter().map(BTreeSet::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (place, firsts) in behind.iter().enumerate() {
        for first in firsts {
            if let Some(followers) = followers.get_mut(*first) {
                followers.push(place);
            }
        }
    }
    let is_free = |place: &usize| waiting.get(*place) == Some(&0);
    let mut free: BTreeSet<usize> = (0..count).filter(is_free).collect();
    while let Some(place) = free.pop_last().or_else(|| left.last().copied()) {
        if is_back(place) && !waits_for(place, &left).is_empty() {
            order.push(Action::WithoutLinks(place));
            links.push(Action::Link(place));
        } else {
            for referring in waits_for(place, &left) {
                if unlinked.insert(referring) {
                    order.push(Action::Unlink(referring));
                }
            }
            order.push(Action::Whole(place));
        }
        left.remove(&place);
        for follower in followers.get(place).into_iter().flatten() {
            if let Some(waiting) = waiting.get_mut(*follower) {
                *waiting = waiting.saturating_sub(1);
                if *waiting == 0 && left.contains(follower) {
                    free.insert(*follower);
                }
            }
        }
    }
    order.extend(links);
    order
}

#[cfg(test)]
mod tests {
    use super::Action::{Link, Unlink, Whole, WithoutLinks};
    use super::*;

    fn order<const N: usize>(behind: [&[usize]; N], is_back: bool) -> Vec<Action> {
        let set = |places: &&[usize]| places.iter().copied().collect();
        let behind: Vec<BTreeSet<usize>> = behind.iter().map(set).collect();
        sorted(N, &behind, |_| is_back)
    }

    #[test]
    fn the_last_goes_first_but_nothing_before_what_it_must_be_behind() {
        let whole =
            |places: &[usize]| -> Vec<Action> { places.iter().copied().map(Whole).collect() };
        assert_eq!(order([&[], &[], &[]], true), whole(&[2, 1, 0]));
        assert_eq!(order([&[], &[], &[0]], true), whole(&[1, 0, 2]));
        assert_eq!(order([&[], &[0], &[1], &[]], true), whole(&[3, 0, 1, 2]));
    }

    #[test]
    fn rows_in_a_circle_find_each_other_at_last() {
        let expected = [Whole(2), WithoutLinks(1), Whole(0), Link(1)];
        assert_eq!(order([&[1], &[0], &[]], true), expected);
    }

    #[test]
    fn rows_in_a_circle_let_go_first() {
        let expected = [Whole(2), Unlink(0), Whole(1), Whole(0)];
        assert_eq!(order([&[1], &[0], &[]], false), expected);
    }
}

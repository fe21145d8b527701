//! In which order rows go back, so that no foreign key stands in the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// What is done in which order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) actions: Vec<Action>,
    /// The places of records that refer to each other in a circle, which none of them can let go of.
    pub(super) circles: BTreeSet<usize>,
    /// Of each place, those that it must be behind.
    pub(super) behind: Vec<Behind>,
}

/// The places that one must be behind, each with whether it cannot let go of it meanwhile.
pub(super) type Behind = BTreeMap<usize, bool>;

/// The places of the records in the order in which they go back: the last that happened first, but a
/// row before the rows that will refer to it, and behind those that have referred to it. `is_deferred` is
/// set where the transaction puts off every key, as far as that can be.
pub(super) fn of(
    nets: &[Net],
    tables: &HashMap<TableName, Restorable>,
    is_deferred: bool,
) -> Order {
    let mut behind: Vec<Behind> = vec![Behind::new(); nets.len()];
    let mut add = |first: usize, second: usize, is_firm: bool| {
        if first != second
            && let Some(behind) = behind.get_mut(second)
        {
            *behind.entry(first).or_default() |= is_firm;
        }
    };
    let back = by_values(nets, tables, |net| (net.left.is_none(), net.was.as_ref()));
    let gone = by_values(nets, tables, |net| (net.was.is_none(), net.left.as_ref()));
    for (place, net) in nets.iter().enumerate() {
        for Link {
            to,
            is_back,
            is_firm,
        } in links(net, tables, is_deferred)
        {
            let parents = if is_back { &back } else { &gone };
            for parent in parents.get(&to).into_iter().flatten() {
                if is_back {
                    add(*parent, place, is_firm);
                } else {
                    add(place, *parent, is_firm);
                }
            }
        }
    }
    // A key is free once the record that has come to it is gone from it.
    let holders = holders(nets);
    let there = nets.iter().enumerate().filter(|(_, net)| net.was.is_some());
    for (place, net) in there {
        if let Some(first) = holders.get(&(&net.table, net.came_from.as_str())) {
            add(*first, place, true);
        }
    }
    let is_back = |place: usize| nets.get(place).is_some_and(|net| net.left.is_none());
    sorted(behind, is_back)
}

/// The records that are there, by their tables and keys.
pub(super) fn holders(nets: &[Net]) -> HashMap<(&TableName, &str), usize> {
    let there = nets
        .iter()
        .enumerate()
        .filter(|(_, net)| net.left.is_some());
    there
        .map(|(place, net)| ((&net.table, net.record_id.as_str()), place))
        .collect()
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

/// What a record refers to.
struct Link<'n> {
    to: Referred<'n>,
    /// Whether it will when it is back, or does now.
    is_back: bool,
    /// Whether it cannot be there without: no column of the foreign key may be NULL meanwhile, and the server
    /// looks at once.
    is_firm: bool,
}

/// What a record will refer to when it is back, and what it refers to now.
fn links<'n>(
    net: &'n Net,
    tables: &'n HashMap<TableName, Restorable>,
    is_deferred: bool,
) -> Vec<Link<'n>> {
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
        let must_stay = |column: &String| table.is_required(column) || table.key.contains(column);
        let must_refer = reference.columns.iter().all(must_stay);
        let is_deferred = is_deferred || reference.is_deferred;
        for (fields, is_back) in [(&net.was, true), (&net.left, false)] {
            let value = |column: &String| {
                let found = fields.iter().flatten().find(|(name, _)| name == column);
                found.map(|(_, value)| value.as_str())
            };
            let can_wait = is_deferred && (is_back || !reference.acts_on_delete);
            if let Some(values) = reference.columns.iter().map(value).collect() {
                found.push(Link {
                    to: (parent_name, columns.clone(), values),
                    is_back,
                    is_firm: must_refer && !can_wait,
                });
            }
        }
    }
    found
}

/// What a place still waits for: all of it, and what it cannot let go of.
#[derive(Debug, Clone, Default)]
struct Waiting {
    all: usize,
    firm: usize,
}

/// The places that are left to be put in order.
#[derive(Debug)]
struct Left<'b> {
    behind: &'b [Behind],
    /// The places that must be behind each, and whether they cannot let go.
    followers: Vec<Vec<(usize, bool)>>,
    waiting: Vec<Waiting>,
    places: BTreeSet<usize>,
    /// Those that wait for nothing.
    free: BTreeSet<usize>,
    /// Those that wait for what can be let go of.
    loose: BTreeSet<usize>,
}

impl<'b> Left<'b> {
    fn new(behind: &'b [Behind]) -> Self {
        let mut left = Self {
            behind,
            followers: vec![Vec::new(); behind.len()],
            waiting: Vec::with_capacity(behind.len()),
            places: (0..behind.len()).collect(),
            free: BTreeSet::new(),
            loose: BTreeSet::new(),
        };
        for (place, firsts) in behind.iter().enumerate() {
            for (first, is_firm) in firsts {
                if let Some(followers) = left.followers.get_mut(*first) {
                    followers.push((place, *is_firm));
                }
            }
            let firm = firsts.values().filter(|is_firm| **is_firm).count();
            let all = firsts.len();
            left.waiting.push(Waiting { all, firm });
            left.ready(place);
        }
        left
    }

    /// Takes note of a place that waits for less.
    fn ready(&mut self, place: usize) {
        let Some(waiting) = self.waiting.get(place) else {
            return;
        };
        if waiting.all == 0 {
            self.free.insert(place);
        } else if waiting.firm == 0 {
            self.loose.insert(place);
        }
    }

    /// The place that comes next, as none of its own stands in its way: the last that happened.
    fn next(&self) -> Option<usize> {
        self.free.last().or(self.loose.last()).copied()
    }

    /// Places of which each waits for another of them and cannot let go of it: where none comes next, each that
    /// is left is in such a circle or behind one.
    fn circle(&self) -> Vec<usize> {
        let mut path: Vec<usize> = self.places.last().copied().into_iter().collect();
        let mut known: BTreeMap<usize, usize> = path.iter().map(|place| (*place, 0)).collect();
        while let Some(next) = path
            .last()
            .and_then(|place| self.before(*place, true).first().copied())
        {
            if let Some(start) = known.insert(next, path.len()) {
                return path.split_off(start);
            }
            path.push(next);
        }
        path
    }

    /// What a place still waits for; of that alone which it cannot let go of, where `is_firm` is set.
    fn before(&self, place: usize, is_firm: bool) -> Vec<usize> {
        let firsts = self.behind.get(place).into_iter().flatten();
        let waits =
            |(first, firm): &(&usize, &bool)| self.places.contains(first) && (**firm || !is_firm);
        firsts.filter(waits).map(|(first, _)| *first).collect()
    }

    fn take(&mut self, place: usize) {
        for places in [&mut self.places, &mut self.free, &mut self.loose] {
            places.remove(&place);
        }
        let followers = self.followers.get_mut(place).map(std::mem::take);
        for (follower, is_firm) in followers.unwrap_or_default() {
            if !self.places.contains(&follower) {
                continue;
            }
            if let Some(waiting) = self.waiting.get_mut(follower) {
                waiting.all = waiting.all.saturating_sub(1);
                waiting.firm = waiting.firm.saturating_sub(usize::from(is_firm));
            }
            self.loose.remove(&follower);
            self.ready(follower);
        }
    }
}

/// The places with the highest first, but each behind those that it must be behind. Rows that refer to
/// each other in a circle let go of each other first, or find each other at last.
fn sorted(behind: Vec<Behind>, is_back: impl Fn(usize) -> bool) -> Order {
    let mut left = Left::new(&behind);
    let mut actions = Vec::with_capacity(behind.len());
    let mut links = Vec::new();
    let mut unlinked = BTreeSet::new();
    let mut circles = BTreeSet::new();
    while let Some(place) = left.next().or_else(|| {
        let circle = left.circle();
        circles.extend(&circle);
        circle.into_iter().max()
    }) {
        let before = left.before(place, false);
        if is_back(place) && !before.is_empty() {
            actions.push(Action::WithoutLinks(place));
            links.push(Action::Link(place));
        } else {
            let unlinks = before.into_iter().filter(|first| unlinked.insert(*first));
            actions.extend(unlinks.map(Action::Unlink));
            actions.push(Action::Whole(place));
        }
        left.take(place);
    }
    actions.extend(links);
    Order {
        actions,
        circles,
        behind,
    }
}

#[cfg(test)]
mod tests {
    use super::Action::{Link, Unlink, Whole, WithoutLinks};
    use super::*;

    fn order<const N: usize>(behind: [&[usize]; N], is_back: bool) -> Vec<Action> {
        let set = |places: &&[usize]| places.iter().map(|place| (*place, false)).collect();
        let behind: Vec<Behind> = behind.iter().map(set).collect();
        let order = sorted(behind, |_| is_back);
        assert_eq!(order.circles, BTreeSet::new());
        order.actions
    }

    #[test]
    fn what_cannot_be_let_go_of_is_kept_where_another_can() {
        // Zero waits for one, by what it needs, and one for zero, by what may be missing.
        let behind = [Behind::from([(1, true)]), Behind::from([(0, false)])];
        let order = sorted(behind.to_vec(), |_| true);
        assert_eq!(order.actions, [WithoutLinks(1), Whole(0), Link(1)]);
        assert_eq!(order.circles, BTreeSet::new());
        let behind = [Behind::from([(1, false)]), Behind::from([(0, true)])];
        let order = sorted(behind.to_vec(), |_| true);
        assert_eq!(order.actions, [WithoutLinks(0), Whole(1), Link(0)]);
        assert_eq!(order.circles, BTreeSet::new());
    }

    #[test]
    fn rows_that_none_can_be_without_are_a_circle() {
        let behind = [
            Behind::from([(1, true)]),
            Behind::from([(0, true)]),
            Behind::from([(0, true)]),
            Behind::new(),
        ];
        let order = sorted(behind.to_vec(), |_| true);
        assert_eq!(order.circles, BTreeSet::from([0, 1]));
        let expected = [Whole(3), WithoutLinks(1), Whole(0), Whole(2), Link(1)];
        assert_eq!(order.actions, expected);
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

//! The hidden parts of a JSON document, as a tree that is walked once.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::redact::Redaction;
use crate::rules::path::{JsonPath, PathStep};

/// What is to be hidden in the values of a JSON column, by the paths of its rules.
///
/// A value is taken apart from the document inwards and hidden from the inside outwards. Of two
/// paths that reach the same value the stronger redaction wins: [`Redaction::Drop`] over `Mask`
/// over `Hash` over `Truncate`, a shorter one over a longer one. What lies inside a part that is
/// dropped, masked or hashed goes with it; what lies inside a truncated one is hidden before its
/// text is cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    redaction: Option<Redaction>,
    members: BTreeMap<String, Self>,
    items: BTreeMap<u32, Self>,
    each: Option<Box<Self>>,
}

impl Parts {
    /// The parts that these paths reach.
    #[must_use]
    pub fn new<'a>(paths: impl IntoIterator<Item = (&'a JsonPath, Redaction)>) -> Self {
        let mut root = Self::default();
        for (path, redaction) in paths {
            let mut part = &mut root;
            for step in path.steps() {
                part = match step {
                    PathStep::Each => part.each.get_or_insert_default(),
                    PathStep::Item(place) => part.items.entry(*place).or_default(),
                    PathStep::Member(name) => part.members.entry(name.clone()).or_default(),
                };
            }
            part.add(Some(redaction));
        }
        root.settle();
        root
    }

    fn add(&mut self, redaction: Option<Redaction>) {
        self.redaction = match (self.redaction, redaction) {
            (Some(one), Some(other)) => Some(one.stronger(other)),
            (one, other) => one.or(other),
        };
    }

    /// Lets every place that is named have what holds for all places, and forgets what lies
    /// inside a part of which nothing stays.
    fn settle(&mut self) {
        if !matches!(self.redaction, None | Some(Redaction::Truncate(_))) {
            (self.members, self.items, self.each) = Default::default();
        }
        if let Some(each) = &self.each {
            self.items.values_mut().for_each(|item| item.unite(each));
        }
        let members = self.members.values_mut();
        let elements = self.items.values_mut().chain(self.each.as_deref_mut());
        members.chain(elements).for_each(Self::settle);
    }

    fn unite(&mut self, other: &Self) {
        self.add(other.redaction);
        for (name, part) in &other.members {
            self.members.entry(name.clone()).or_default().unite(part);
        }
        for (place, part) in &other.items {
            self.items.entry(*place).or_default().unite(part);
        }
        if let Some(each) = &other.each {
            self.each.get_or_insert_default().unite(each);
        }
    }

    /// How the value itself is hidden, once what lies inside it is.
    #[must_use]
    pub fn redaction(&self) -> Option<Redaction> {
        self.redaction
    }

    /// The members that are hidden or hold something hidden, by name.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<String, Self> {
        &self.members
    }

    /// The elements for which something else holds than for [`Parts::each`], by place.
    #[must_use]
    pub fn items(&self) -> &BTreeMap<u32, Self> {
        &self.items
    }

    /// What holds for the elements at all other places.
    #[must_use]
    pub fn each(&self) -> Option<&Self> {
        self.each.as_deref()
    }

    /// What holds for the element at a place.
    #[must_use]
    pub fn item(&self, place: usize) -> Option<&Self> {
        let named = u32::try_from(place).ok().and_then(|at| self.items.get(&at));
        named.or(self.each())
    }

    /// The strongest redaction in it, which hides a value that cannot be taken apart.
    #[must_use]
    pub fn strongest(&self) -> Option<Redaction> {
        let inside = self
            .members
            .values()
            .chain(self.items.values())
            .chain(self.each());
        inside
            .filter_map(Self::strongest)
            .chain(self.redaction)
            .reduce(Redaction::stronger)
    }

    /// The tree as JSON, for the functions in a database that walk it: `how` is `drop`, `mask`,
    /// `hash` or `truncate:n`; `members`, `items` and `each` are there where there are any.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut node = Map::new();
        if let Some(redaction) = self.redaction {
            node.insert("how".to_owned(), redaction.to_word().into());
        }
        let parts = |(name, part): (String, &Self)| (name, part.to_json());
        if !self.members.is_empty() {
            let members = self.members.iter();
            let members = members.map(|(name, part)| (name.clone(), part));
            node.insert("members".to_owned(), members.map(parts).collect());
        }
        if !self.items.is_empty() {
            let items = self.items.iter();
            let items = items.map(|(place, part)| (place.to_string(), part));
            node.insert("items".to_owned(), items.map(parts).collect());
        }
        if let Some(each) = &self.each {
            node.insert("each".to_owned(), each.to_json());
        }
        json!(node)
    }

    /// Reads what [`Parts::to_json`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_json(json: &Value) -> Option<Self> {
        let node = json.as_object()?;
        let all = |name: &str| match node.get(name) {
            None => Some(Vec::new()),
            Some(parts) => {
                let parts = parts.as_object()?.iter();
                parts
                    .map(|(name, part)| Some((name.clone(), Self::from_json(part)?)))
                    .collect::<Option<Vec<_>>>()
            }
        };
        let how = |word: &Value| Redaction::from_word(word.as_str()?);
        Some(Self {
            redaction: match node.get("how") {
                None => None,
                Some(word) => Some(how(word)?),
            },
            members: all("members")?.into_iter().collect(),
            items: all("items")?
                .into_iter()
                .map(|(place, part)| Some((place.parse().ok()?, part)))
                .collect::<Option<_>>()?,
            each: match node.get("each") {
                None => None,
                Some(part) => Some(Box::new(Self::from_json(part)?)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::Redaction::{Drop, Hash, Mask, Truncate};

    fn parts(paths: &[(&str, Redaction)]) -> Parts {
        let paths: Vec<(JsonPath, Redaction)> = paths
            .iter()
            .map(|(path, how)| (JsonPath::parse(path).unwrap(), *how))
            .collect();
        Parts::new(paths.iter().map(|(path, how)| (path, *how)))
    }

    #[test]
    fn a_wider_path_takes_what_lies_inside_unless_it_truncates() {
        let inner = ("$.card.number", Truncate(4));
        for wide in [Drop, Mask, Hash] {
            assert_eq!(
                parts(&[("$.card", wide), inner]),
                parts(&[("$.card", wide)])
            );
        }
        let kept = parts(&[("$.card", Truncate(20)), ("$.card.number", Mask)]);
        let card = &kept.members()["card"];
        assert_eq!(card.redaction(), Some(Truncate(20)));
        assert_eq!(card.members()["number"].redaction(), Some(Mask));
        assert_eq!(kept.strongest(), Some(Mask));
    }

    #[test]
    fn the_stronger_of_two_paths_to_one_value_wins() {
        let kept = parts(&[
            ("$[*]", Mask),
            ("$[0]", Truncate(4)),
            ("$[1]", Drop),
            ("$[2].a", Drop),
        ]);
        let how = |place| kept.item(place).unwrap().redaction();
        assert_eq!(
            [how(0), how(1), how(2), how(9)],
            [Some(Mask), Some(Drop), Some(Mask), Some(Mask)]
        );
        let kept = parts(&[
            ("$.a[*].b", Hash),
            ("$.a[3]", Truncate(9)),
            ("$.a[3].c", Mask),
        ]);
        let third = kept.members()["a"].item(3).unwrap();
        assert_eq!(third.members()["b"].redaction(), Some(Hash));
        assert_eq!(third.members()["c"].redaction(), Some(Mask));
        assert_eq!(third.redaction(), Some(Truncate(9)));
        assert_eq!(
            parts(&[("$.a", Truncate(9)), ("$.a", Truncate(3))]).strongest(),
            Some(Truncate(3))
        );
    }

    fn paths() -> impl Strategy<Value = Vec<(JsonPath, Redaction)>> {
        let step = prop_oneof![
            Just("[*]".to_owned()),
            (0..3_u32).prop_map(|place| format!("[{place}]")),
            "[ab]".prop_map(|name| format!(".{name}")),
            Just("[\"it's\\n\"]".to_owned()),
        ];
        let path = proptest::collection::vec(step, 1..4)
            .prop_map(|steps| JsonPath::parse(&format!("${}", steps.concat())).unwrap());
        let how = prop_oneof![
            Just(Drop),
            Just(Mask),
            Just(Hash),
            (0..9_u16).prop_map(Truncate)
        ];
        proptest::collection::vec((path, how), 1..6)
    }

    proptest! {
        #[test]
        fn a_tree_reads_back(paths in paths()) {
            let parts = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
            prop_assert_eq!(Parts::from_json(&parts.to_json()), Some(parts));
        }

        #[test]
        fn the_order_of_paths_does_not_matter(paths in paths()) {
            let forth = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
            let back = Parts::new(paths.iter().rev().map(|(path, how)| (path, *how)));
            prop_assert_eq!(&forth, &back);
            prop_assert!(forth.strongest().is_some());
        }
    }
}

//! What differs between two row images.

use serde_json::{Map, Value};

/// One field that differs between two images; `None` means the field is absent, which is not the
/// same as JSON null.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// The column.
    pub field: String,
    /// Its value in the image before.
    pub before: Option<Value>,
    /// Its value in the image after.
    pub after: Option<Value>,
}

/// The changes between two images, ordered by field name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeSet(Vec<FieldChange>);

impl ChangeSet {
    /// Compares two images field by field.
    #[must_use]
    pub fn between(before: &Map<String, Value>, after: &Map<String, Value>) -> Self {
        let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
        fields.sort_unstable();
        fields.dedup();
        Self(
            fields
                .into_iter()
                .filter(|field| before.get(*field) != after.get(*field))
                .map(|field| FieldChange {
                    field: field.clone(),
                    before: before.get(field).cloned(),
                    after: after.get(field).cloned(),
                })
                .collect(),
        )
    }

    /// The changes, ordered by field name.
    pub fn iter(&self) -> impl Iterator<Item = &FieldChange> {
        self.0.iter()
    }

    /// The image after these changes.
    #[must_use]
    pub fn apply(&self, before: &Map<String, Value>) -> Map<String, Value> {
        let mut image = before.clone();
        for change in &self.0 {
            match &change.after {
                Some(value) => {
                    image.insert(change.field.clone(), value.clone());
                }
                None => {
                    image.remove(&change.field);
                }
            }
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image() -> impl Strategy<Value = Map<String, Value>> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,3}".prop_map(Value::from),
        ];
        proptest::collection::btree_map("[a-d]", value, 0..5)
            .prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_the_second_image(a in image(), b in image()) {
            prop_assert_eq!(ChangeSet::between(&a, &b).apply(&a), b);
        }

        #[test]
        fn equal_images_have_no_changes(a in image()) {
            prop_assert_eq!(ChangeSet::between(&a, &a).iter().count(), 0);
        }
    }
}

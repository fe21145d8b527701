//! Values of which any will do.

/// One value of a filter, or several of which any will do: a value, an array or a `Vec`.
pub trait OneOf<T> {
    /// The values.
    fn into_values(self) -> Vec<T>;
}

impl OneOf<Self> for String {
    fn into_values(self) -> Vec<Self> {
        vec![self]
    }
}

impl OneOf<String> for &str {
    fn into_values(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl OneOf<String> for &String {
    fn into_values(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl OneOf<Self> for uuid::Uuid {
    fn into_values(self) -> Vec<Self> {
        vec![self]
    }
}

impl<T, V: OneOf<T>, const N: usize> OneOf<T> for [V; N] {
    fn into_values(self) -> Vec<T> {
        self.into_iter().flat_map(OneOf::into_values).collect()
    }
}

impl<T, V: OneOf<T>> OneOf<T> for Vec<V> {
    fn into_values(self) -> Vec<T> {
        self.into_iter().flat_map(OneOf::into_values).collect()
    }
}

//! Objects: ordered members behind one reference count.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::node;
use crate::{Text, Value};

/// Up to this many members are searched one after the other; that is faster than any index.
const SCAN_LEN_MAX: usize = 16;

/// The members of a JSON object in their order. A clone is one reference count; a change copies
/// the list of members (not the values) unless this is the only handle.
///
/// Lookups in objects of more than 16 members use an index that is made at the first lookup.
#[derive(Clone)]
pub struct Object(pub(crate) Arc<ObjectNode>);

pub(crate) struct ObjectNode {
    pub(crate) members: Vec<(Text, Value)>,
    pub(crate) size: usize,
    pub(crate) depth: usize,
    index: OnceLock<Arc<Index>>,
}

impl Object {
    /// An object without members.
    pub fn new() -> Object {
        Object::from_unique(Vec::new(), None)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.members.is_empty()
    }

    /// The value of the member `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key)
            .and_then(|at| self.0.members.get(at))
            .map(|(_, value)| value)
    }

    /// The value of the member `name`, as [`get`](Object::get) has it. A name that is a [`Text`]
    /// already is found faster: short ones compare as words.
    #[inline]
    pub fn get_named(&self, name: &Text) -> Option<&Value> {
        let members = &self.0.members;
        if members.len() > SCAN_LEN_MAX {
            return self.get(name);
        }
        let found = members.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }

    /// Whether there is a member `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// The position of the member `key` in the order of members.
    pub fn position(&self, key: &str) -> Option<usize> {
        let node = &*self.0;
        if node.members.len() <= SCAN_LEN_MAX {
            return node.scan(key);
        }
        node.index
            .get_or_init(|| Arc::new(Index::of(&node.members)))
            .find(&node.members, key)
    }

    /// The members in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.members.iter())
    }

    /// The members in order, as they are held; clones of the names are cheap.
    pub fn members(&self) -> &[(Text, Value)] {
        &self.0.members
    }

    /// The names of the members in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.0.members.iter().map(|(key, _)| key.as_str())
    }

    /// The values of the members in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.0.members.iter().map(|(_, value)| value)
    }

    /// The length in bytes of the compact text; O(1).
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The object with one member set: in its place if it is there, else appended. Shares all
    /// other values with this object.
    #[must_use]
    pub fn with(&self, key: impl Into<Text>, value: Value) -> Object {
        let mut changed = self.clone();
        changed.insert(key, value);
        changed
    }

    /// The object without the member `key`; the same object if there is none.
    #[must_use]
    pub fn without(&self, key: &str) -> Object {
        let Some(removed) = self.position(key) else {
            return self.clone();
        };
        let kept = self
            .0
            .members
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != removed);
        Object::from_unique(kept.map(|(_, member)| member.clone()).collect(), None)
    }

    /// Sets one member: in its place if it is there, else appended. Copies the list of members
    /// first if it is shared.
    pub fn insert(&mut self, key: impl Into<Text>, value: Value) {
        let key = key.into();
        let node = Arc::make_mut(&mut self.0);
        match node.position_for_insert(&key) {
            Some(at) => node.replace(at, value),
            None => node.append(key, value),
        }
    }

    /// Whether both are the same object in memory.
    pub fn ptr_eq(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Makes an object of members among which a name may repeat: the last value wins, in the
    /// position of the first, as in the trees Jackson builds.
    pub(crate) fn from_members(mut members: Vec<(Text, Value)>) -> Object {
        if members.len() <= SCAN_LEN_MAX {
            merge_few(&mut members);
            return Object::from_unique(members, None);
        }
        let index = Index::of(&members);
        if index.merge_repeated(&mut members) {
            Object::from_unique(members, None)
        } else {
            Object::from_unique(members, Some(index))
        }
    }

    fn from_unique(members: Vec<(Text, Value)>, index: Option<Index>) -> Object {
        let content = members.iter().fold(0, |sum, (key, value)| {
            node::add_sizes(sum, member_size(key, value))
        });
        let size = node::container_size(members.len(), content);
        let depth = node::depth_over(members.iter().map(|(_, value)| value));
        let index = index.map_or_else(OnceLock::new, |index| Arc::new(index).into());
        Object(Arc::new(ObjectNode {
            members,
            size,
            depth,
            index,
        }))
    }
}

/// The bytes of `"key":value`.
fn member_size(key: &Text, value: &Value) -> usize {
    node::add_sizes(key.quoted_len() + 1, value.size())
}

fn has_repeated_name(mut members: &[(Text, Value)]) -> bool {
    while let Some(((key, _), rest)) = members.split_first() {
        if rest.iter().any(|(other, _)| key == other) {
            return true;
        }
        members = rest;
    }
    false
}

/// Merges repeated names among few members by comparing each with those before it.
fn merge_few(members: &mut Vec<(Text, Value)>) {
    if !has_repeated_name(members) {
        return;
    }
    let mut at = 1;
    while at < members.len() {
        let (before, rest) = members.split_at_mut(at);
        let Some((key, value)) = rest.first_mut() else {
            break;
        };
        match before.iter_mut().find(|(earlier, _)| earlier == key) {
            Some((_, first)) => {
                std::mem::swap(first, value);
                members.remove(at);
            }
            None => at += 1,
        }
    }
}

impl ObjectNode {
    fn scan(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|(name, _)| name == key)
    }

    /// Like `position`, but makes no index: appending in a loop would make one for each member.
    fn position_for_insert(&self, key: &str) -> Option<usize> {
        match self.index.get() {
            Some(index) => index.find(&self.members, key),
            None => self.scan(key),
        }
    }

    fn replace(&mut self, at: usize, value: Value) {
        let Some((_, place)) = self.members.get_mut(at) else {
            return;
        };
        let depth = value.depth();
        let (old_size, old_depth) = (place.size(), place.depth());
        self.size = node::replace_size(self.size, old_size, value.size());
        *place = value;
        if depth + 1 >= self.depth {
            self.depth = depth + 1;
        } else if old_depth + 1 == self.depth {
            self.depth = node::depth_over(self.members.iter().map(|(_, value)| value));
        }
    }

    fn append(&mut self, key: Text, value: Value) {
        let comma = usize::from(!self.members.is_empty());
        self.size = node::add_sizes(self.size, comma + member_size(&key, &value));
        self.depth = self.depth.max(value.depth() + 1);
        self.index.take();
        self.members.push((key, value));
    }
}

/// A node is copied only to be changed, often by one more member.
impl Clone for ObjectNode {
    fn clone(&self) -> ObjectNode {
        let mut members = Vec::with_capacity(self.members.len() + 1);
        members.extend_from_slice(&self.members);
        let index = self.index.clone();
        ObjectNode {
            members,
            size: self.size,
            depth: self.depth,
            index,
        }
    }
}

impl Drop for ObjectNode {
    fn drop(&mut self) {
        if self.depth > node::DROP_DEPTH_MAX {
            let members = std::mem::take(&mut self.members);
            node::drop_deep(members.into_iter().map(|(_, value)| value).collect());
        }
    }
}

/// Positions of members ordered by hash of the name, then name. Sorting (instead of a hash table)
/// keeps hostile names from costing more than `n log n`, without any randomness.
struct Index(Vec<(u64, usize)>);

impl Index {
    fn of(members: &[(Text, Value)]) -> Index {
        let hashed = members
            .iter()
            .enumerate()
            .map(|(at, (key, _))| (hash(key.as_bytes()), at));
        let mut entries: Vec<_> = hashed.collect();
        entries.sort_unstable_by(|left, right| {
            let keys = || name_at(members, left.1).cmp(name_at(members, right.1));
            left.0
                .cmp(&right.0)
                .then_with(keys)
                .then(left.1.cmp(&right.1))
        });
        Index(entries)
    }

    fn find(&self, members: &[(Text, Value)], key: &str) -> Option<usize> {
        let wanted = hash(key.as_bytes());
        let found = self.0.binary_search_by(|(hash, at)| {
            hash.cmp(&wanted)
                .then_with(|| name_at(members, *at).cmp(key.as_bytes()))
        });
        found
            .ok()
            .and_then(|at| self.0.get(at))
            .map(|(_, position)| *position)
    }

    /// Gives the first member of each repeated name the last value and removes the others.
    /// Returns whether there was any.
    fn merge_repeated(&self, members: &mut Vec<(Text, Value)>) -> bool {
        let mut removed = Vec::new();
        let same_name = |left: &(u64, usize), right: &(u64, usize)| {
            left.0 == right.0 && name_at(members, left.1) == name_at(members, right.1)
        };
        // Within a run of the same name the positions ascend.
        let runs = self.0.chunk_by(same_name).filter(|run| run.len() > 1);
        let moves: Vec<(usize, usize)> = runs
            .filter_map(|run| {
                let ((_, first), rest) = run.split_first()?;
                removed.extend(rest.iter().map(|(_, at)| *at));
                rest.last().map(|(_, last)| (*first, *last))
            })
            .collect();
        for (first, last) in moves {
            let value = members.get(last).map(|(_, value)| value.clone());
            if let (Some(value), Some((_, place))) = (value, members.get_mut(first)) {
                *place = value;
            }
        }
        removed.sort_unstable();
        let mut position = 0;
        members.retain(|_| {
            position += 1;
            removed.binary_search(&(position - 1)).is_err()
        });
        !removed.is_empty()
    }
}

fn name_at(members: &[(Text, Value)], at: usize) -> &[u8] {
    members.get(at).map_or(&[], |(key, _)| key.as_bytes())
}

/// A quick mix of eight bytes at a time; its quality decides about speed only.
#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let (words, _) = bytes.as_chunks::<8>();
    let state = words.iter().fold(bytes.len() as u64, |state, word| {
        mix(state, u64::from_le_bytes(*word))
    });
    // The last bytes once more, in words that may overlap those before.
    let tail = if let Some(last) = bytes.last_chunk::<8>() {
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
    } else {
        bytes
            .iter()
            .fold(0, |tail, byte| tail << 8 | u64::from(*byte))
    };
    let mixed = mix(state, tail);
    mixed ^ (mixed >> 32)
}

/// The members of an [`Object`] in order.
#[derive(Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, (Text, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key.as_str(), value))
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Default for Object {
    fn default() -> Object {
        Object::new()
    }
}

/// Equal members, whatever their order.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        Value::from(self.clone()) == Value::from(other.clone())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Value::from(self.clone()), formatter)
    }
}

/// If a name repeats, the last value wins, in the position of the first.
impl<K: Into<Text>> FromIterator<(K, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Object {
        Object::from_members(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }
}

/// Collects members and makes an [`Object`] of them once. Use it to build large objects.
///
/// ```
/// let mut builder = json::ObjectBuilder::new();
/// builder.add("a", 1).add("b", "two");
/// assert_eq!(json::Value::from(builder.build()).to_text(), r#"{"a":1,"b":"two"}"#);
/// ```
#[derive(Default)]
pub struct ObjectBuilder {
    members: Vec<(Text, Value)>,
}

impl ObjectBuilder {
    /// A builder without members.
    pub fn new() -> ObjectBuilder {
        ObjectBuilder::default()
    }

    /// A builder with room for `len` members.
    pub fn with_capacity(len: usize) -> ObjectBuilder {
        ObjectBuilder {
            members: Vec::with_capacity(len),
        }
    }

    /// Adds a member. If the name repeats, the last value wins, in the position of the first.
    pub fn add(&mut self, key: impl Into<Text>, value: impl Into<Value>) -> &mut ObjectBuilder {
        self.members.push((key.into(), value.into()));
        self
    }

    /// The object of the members added so far; leaves the builder empty.
    pub fn build(&mut self) -> Object {
        Object::from_members(std::mem::take(&mut self.members))
    }
}

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The text of an event. Messages that are written together may be parts of one text, so that none
/// of them is copied by itself.
///
/// ```
/// use store::events::Message;
///
/// let parts: Vec<Message> = Message::parts("onetwo".to_owned(), [3, 6]).collect();
/// assert_eq!(parts, ["one".into(), "two".into()]);
/// ```
#[derive(Clone)]
pub struct Message {
    text: Arc<String>,
    part: Range<usize>,
}

impl Message {
    /// The parts of a text that end there, in this order: each begins where the one before ends. A
    /// part that ends elsewhere than between two characters is empty.
    pub fn parts(
        text: String,
        ends: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = Message> {
        let text = Arc::new(text);
        let mut start = 0;
        ends.into_iter().map(move |end| Message {
            text: Arc::clone(&text),
            part: std::mem::replace(&mut start, end)..end,
        })
    }
}

impl Deref for Message {
    type Target = str;

    fn deref(&self) -> &str {
        self.text.get(self.part.clone()).unwrap_or_default()
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message {
            part: 0..text.len(),
            text: Arc::new(text),
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        text.to_owned().into()
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        **self == **other
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

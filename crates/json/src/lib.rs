//! The JSON value that all of Lockstep shares.
//!
//! A [`Value`] is 16 bytes and cheap to clone; changing one member shares the rest. Numbers and the
//! order of members are kept exactly as written, the size of the compact text is known at any
//! time, and neither reading, writing, comparing nor dropping a value recurses.
//!
//! ```
//! let input = json::parse(r#"{ "price": 10.00, "items": [1, 2] }"#)?;
//! let output = input.with_member("paid", true.into());
//! assert_eq!(output.to_text(), r#"{"price":10.00,"items":[1,2],"paid":true}"#);
//! assert_eq!(output.size(), output.to_text().len());
//! assert!(output.get("items").unwrap().ptr_eq(input.get("items").unwrap()));
//! # Ok::<(), json::ParseError>(())
//! ```
//!
//! # The layout of compact text
//!
//! An encoder that needs to know where in the compact text of a container a part of it stands can
//! add up sizes; no byte stands between the parts but these:
//!
//! - array: `[`, the elements with `,` between, `]`;
//! - object: `{`, the members with `,` between, `}`; a member is its name as a JSON string
//!   ([`Text::quoted_len`] bytes), `:`, the value;
//! - the text of a part is [`Value::size`] bytes long; numbers stand as written; in strings `"`,
//!   `\` and control characters are escaped the way Jackson does (`\b \t \n \f \r`, `\u001F`).

mod escape;
mod lazy;
mod node;
mod number;
mod object;
mod parse;
mod text;
mod value;
mod weak;
mod write;

pub use escape::write_quoted;
pub use number::{NotANumber, Number};
pub use object::{Iter, Object, ObjectBuilder};
pub use parse::{
    DEPTH_MAX, Document, Duplicate, ParseError, ParseErrorKind, Span, Step, parse, parse_lazy,
    parse_spanned,
};
pub use text::Text;
pub use value::{Kind, Value, View};
pub use weak::WeakValue;

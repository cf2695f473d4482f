//! The trace that an execution belongs to, in the form of X-Ray's header
//! (`Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`), and the ids of
//! its spans, which follow from what they stand for: whoever tells of a span twice tells of the
//! same one, and a call can name its span before it has ended.

use asl::event::{EventId, Text};
use asl::time::Timestamp;
use sha2::{Digest as _, Sha256};

/// Id of a trace: of X-Ray's, and of OpenTelemetry's.
pub type TraceId = [u8; 16];
/// Id of a span; X-Ray calls it a segment.
pub type SpanId = [u8; 8];

/// What an X-Ray header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: TraceId,
    /// The span of whoever made the call.
    pub parent: Option<SpanId>,
    /// `None` leaves it to whoever reads the header.
    pub sampled: Option<bool>,
}

impl TraceContext {
    /// Reads a header; `None` if it names no trace.
    #[must_use]
    pub fn parse(header: &str) -> Option<TraceContext> {
        let fields = || {
            header
                .split(';')
                .filter_map(|field| field.trim().split_once('='))
        };
        let field = |name: &str| {
            fields()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let root = field("Root")?.strip_prefix("1-")?;
        let (time, unique) = root.split_once('-')?;
        let mut trace = TraceId::default();
        let (head, tail) = trace.split_at_mut(4);
        hex_into(time, head)?;
        hex_into(unique, tail)?;
        let parent = field("Parent").and_then(|text| {
            let mut parent = SpanId::default();
            hex_into(text, &mut parent)?;
            Some(parent)
        });
        let sampled = match field("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Some(TraceContext {
            trace,
            parent,
            sampled,
        })
    }

    /// A trace that begins at a time.
    #[must_use]
    pub fn beginning(at: Timestamp, unique: [u8; 12]) -> TraceContext {
        let seconds = u32::try_from(at.0.div_euclid(1_000)).unwrap_or(u32::MAX);
        let mut trace = TraceId::default();
        let bytes = seconds.to_be_bytes().into_iter().chain(unique);
        trace
            .iter_mut()
            .zip(bytes)
            .for_each(|(place, byte)| *place = byte);
        TraceContext {
            trace,
            parent: None,
            sampled: Some(true),
        }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Text {
        let (time, unique) = self.trace.split_at(4);
        let mut text = format!("Root=1-{}-{}", hex(time), hex(unique));
        if let Some(parent) = &self.parent {
            text += &format!(";Parent={}", hex(parent));
        }
        if let Some(sampled) = self.sampled {
            text += &format!(";Sampled={}", u8::from(sampled));
        }
        text.into()
    }
}

/// The header that goes with the call of an attempt: its execution's, with the attempt's span as
/// the parent. A text that is no header of X-Ray's goes as it is.
pub(crate) fn of_call(
    header: Option<&Text>,
    execution_arn: &str,
    attempt: EventId,
) -> Option<Text> {
    let header = header?;
    let Some(context) = TraceContext::parse(header) else {
        return Some(header.clone());
    };
    let parent = Some(attempt_span(execution_arn, attempt));
    Some(TraceContext { parent, ..context }.header())
}

/// The span of an execution, from its start, or a redrive, to its end.
#[must_use]
pub fn execution_span(execution_arn: &str, redrive_count: u32) -> SpanId {
    span(execution_arn, "execution", u64::from(redrive_count))
}

/// The span of a stay in a state, by the id of its StateEntered event.
#[must_use]
pub fn state_span(execution_arn: &str, entered: EventId) -> SpanId {
    span(execution_arn, "state", entered)
}

/// The span of an attempt, by the id of its Scheduled event.
#[must_use]
pub fn attempt_span(execution_arn: &str, attempt: EventId) -> SpanId {
    span(execution_arn, "attempt", attempt)
}

fn span(execution_arn: &str, kind: &str, number: u64) -> SpanId {
    let digest = Sha256::new()
        .chain_update(execution_arn)
        .chain_update(kind)
        .chain_update(number.to_be_bytes())
        .finalize();
    let mut id = SpanId::default();
    id.iter_mut()
        .zip(digest)
        .for_each(|(place, byte)| *place = byte);
    id
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads exactly as many bytes as there is room for.
fn hex_into(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != bytes.len() * 2 {
        return None;
    }
    let (pairs, _) = digits.as_chunks::<2>();
    for (place, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *place = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

    #[track_caller]
    fn comes_back(header: &str) {
        let context = TraceContext::parse(header).unwrap();
        assert_eq!(&*context.header(), header);
    }

    #[test]
    fn headers_come_back() {
        comes_back(ROOT);
        comes_back(&format!("{ROOT};Sampled=0"));
        comes_back(&format!("{ROOT};Parent=53995c3f42cd8ad8;Sampled=1"));
        // What a proxy adds, in any order.
        let read = TraceContext::parse(&format!("Self=1-2-3; Sampled=1;{ROOT};Lineage=a:1"));
        assert_eq!(&*read.unwrap().header(), format!("{ROOT};Sampled=1"));
    }

    #[test]
    fn what_names_no_trace_is_none() {
        for header in [
            "",
            "Root=1",
            "Root=1-5759e988-bd",
            "Parent=53995c3f42cd8ad8",
            "a;b=c",
        ] {
            assert_eq!(TraceContext::parse(header), None, "{header}");
        }
        let odd = format!("{ROOT}zz");
        assert_eq!(TraceContext::parse(&odd), None);
        let no_parent = TraceContext::parse(&format!("{ROOT};Parent=xyz;Sampled=?")).unwrap();
        assert_eq!((no_parent.parent, no_parent.sampled), (None, None));
    }

    #[test]
    fn a_trace_begins_at_its_time() {
        let context = TraceContext::beginning(Timestamp(0x5759_e988 * 1_000 + 7), [0xab; 12]);
        let expected = "Root=1-5759e988-abababababababababababab;Sampled=1";
        assert_eq!(&*context.header(), expected);
    }

    #[test]
    fn a_call_names_its_span() {
        let header: Text = format!("{ROOT};Sampled=1").into();
        let sent = of_call(Some(&header), "arn", 3).unwrap();
        let parent = hex(&attempt_span("arn", 3));
        assert_eq!(&*sent, format!("{ROOT};Parent={parent};Sampled=1"));
        assert_ne!(attempt_span("arn", 3), attempt_span("arn", 4));
        assert_ne!(attempt_span("arn", 3), state_span("arn", 3));
        let free: Text = "my own".into();
        assert_eq!(of_call(Some(&free), "arn", 3), Some(free));
        assert_eq!(of_call(None, "arn", 3), None);
    }
}

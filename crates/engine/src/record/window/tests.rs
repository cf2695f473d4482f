use super::*;

fn parse(text: &str) -> Value {
    json::parse(text).unwrap()
}

fn long(letter: char) -> Value {
    Value::from(letter.to_string().repeat(100))
}

fn known(value: &Value, record: u32) -> Known {
    let piece = Piece {
        record,
        offset: 0,
        len: value.size(),
    };
    let stored = Stored {
        pieces: vec![piece],
        held: piece.len,
        is_as_sent: false,
    };
    Known {
        value: value.clone(),
        stored: Arc::new(stored),
    }
}

fn push(window: &mut Window, known: Known) {
    window.push_numbered(known, (0, 0), false);
}

/// Pushes the payloads kept for their own sake out.
fn pass_by(window: &mut Window) {
    (0..RECENT).for_each(|_| push(window, known(&Value::null(), 99)));
}

fn text_at(whole: &Value, part: &Value, window: &Window) -> Option<String> {
    let (_, offset) = window.place_of(part)?;
    let text = whole.to_text();
    text.get(offset..offset + part.size()).map(str::to_owned)
}

#[test]
fn parts_are_known_as_long_as_somebody_has_them() {
    let mut window = Window::default();
    let whole = Value::from(vec![
        long('a'),
        json::Object::from_iter([("b", long('b')), ("n", parse("[1]"))]).into(),
    ]);
    push(&mut window, known(&whole, 0));
    let part = whole.index(1).unwrap().get("b").unwrap().clone();
    assert_eq!(text_at(&whole, &part, &window), Some(part.to_text()));
    // Too short to be worth a name.
    let short = whole.index(1).unwrap().get("n").unwrap();
    assert_eq!(text_at(&whole, short, &window), None);
    pass_by(&mut window);
    drop(whole);
    assert!(window.place_of(&part).is_some());
    assert!(window.place_of(&long('b')).is_none(), "equal, not the same");
}

#[test]
fn a_text_tells_its_parts_once_it_was_read() {
    let text = format!(r#"{{"a":[{0},{0}],"b":{1}}}"#, long('a'), "1".repeat(1_000));
    let whole = json::parse_lazy(text.into()).unwrap();
    let mut window = Window::default();
    push(&mut window, known(&whole, 0));
    window.refresh();
    assert!(whole.is_unread());
    let part = whole.get("a").unwrap().index(1).unwrap().clone();
    assert!(window.place_of(&part).is_none());
    window.refresh();
    assert_eq!(text_at(&whole, &part, &window), Some(part.to_text()));
    // The object that was read is the same text.
    let object = Value::from(whole.as_object().unwrap().clone());
    assert_eq!(text_at(&whole, &object, &window), Some(whole.to_text()));
}

#[test]
fn what_is_gone_is_forgotten_and_not_counted() {
    let mut window = Window::default();
    let kept: Vec<Value> = (0..100)
        .map(|n| Value::from(format!("{n:0>500}")))
        .collect();
    let whole = Value::from(kept.clone());
    push(&mut window, known(&whole, 0));
    for record in 1..20_000 {
        let passing = Value::from(vec![Value::from(u64::from(record)), long('p')]);
        push(&mut window, known(&passing, record));
    }
    // The array itself is gone, but its elements hold most of it.
    drop(whole);
    let parts = kept.len() + 2 * RECENT;
    assert!(window.parts.by_address.len() <= 2 * parts.max(SWEPT_PARTS_MIN));
    let held = 50_000 + RECENT * 110;
    let bytes = window.bytes();
    assert!(bytes >= BYTES_PER_PAYLOAD_BYTE * 50_000, "{bytes}");
    let bound = 2 * (BYTES_PER_PAYLOAD_BYTE * held.max(SWEPT_BYTES_MIN) + PART_BYTES * 256);
    assert!(bytes <= bound, "{bytes} > {bound}");
    assert!(kept.iter().all(|part| window.place_of(part).is_some()));
}

#[test]
fn more_parts_than_the_bound_are_not_known() {
    let mut window = Window::default();
    let mut kept = Vec::new();
    for record in 0..40 {
        let parts = (0..LOOKS_MAX).map(|n| Value::from(format!("{n:0>40}")));
        let whole: Value = parts.collect();
        push(&mut window, known(&whole, record));
        kept.push(whole);
        assert!(window.parts.by_address.len() <= 2 * PARTS_MAX + LOOKS_MAX);
    }
    let whole = Value::from(kept);
    push(&mut window, known(&whole, 40));
}

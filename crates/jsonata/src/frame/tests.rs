use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::function::Closure;
use crate::program::Lambda;

const HERE: Binding = Binding { up: 0, slot: 0 };

fn frame_in(parent: Option<Rc<Frame>>, slots: usize) -> Rc<Frame> {
    Frame::new(parent, Tuple::default(), slots, None)
}

fn function_in(frame: &Rc<Frame>) -> Item {
    Item::Function(Rc::new(Function::Closure(Closure {
        lambda: Arc::new(Lambda::nothing()),
        frame: Rc::clone(frame),
        input: Item::Undefined,
        site: Cell::new(0),
        _charge: None,
    })))
}

#[test]
fn a_frame_that_holds_itself_goes_with_the_evaluation() {
    let cycles = Cycles::default();
    let outer = frame_in(None, 1);
    let inner = frame_in(Some(Rc::clone(&outer)), 1);
    cycles.bind(&outer, HERE, function_in(&inner));
    cycles.bind(&inner, HERE, function_in(&inner));
    let (outer_left, inner_left) = (Rc::downgrade(&outer), Rc::downgrade(&inner));
    drop((outer, inner));
    assert!(outer_left.strong_count() > 0 && inner_left.strong_count() > 0);
    drop(cycles);
    assert_eq!(outer_left.strong_count() + inner_left.strong_count(), 0);
}

#[test]
fn who_holds_a_frame_is_known() {
    let cycles = Cycles::default();
    let frame = frame_in(None, 1);
    assert!(!frame.is_held_by_itself());
    cycles.bind(&frame, HERE, function_in(&frame));
    assert!(frame.is_held_by_itself());
    let copy = frame.get(Place::Slot(HERE));
    assert!(!frame.is_held_by_itself());
    drop(copy);
    assert!(frame.is_held_by_itself());
    let _child = frame_in(Some(Rc::clone(&frame)), 0);
    assert!(!frame.is_held_by_itself());
}

#[test]
fn long_chains_are_dropped_without_recursion() {
    let mut frame = frame_in(None, 1);
    for _ in 0..200_000 {
        let next = frame_in(None, 1);
        next.set(0, function_in(&frame));
        frame = next;
    }
    drop(frame);
    let mut frame = frame_in(None, 0);
    for _ in 0..200_000 {
        frame = frame_in(Some(frame), 0);
    }
    drop(frame);
}

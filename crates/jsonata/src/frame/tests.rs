use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::function::Closure;
use crate::program::Lambda;

const HERE: Binding = Binding { up: 0, slot: 0 };

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
    let outer = Frame::new(None, vec![None]);
    let inner = Frame::new(Some(Rc::clone(&outer)), vec![None]);
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
    let frame = Frame::new(None, vec![None]);
    assert!(!frame.is_held_by_itself());
    cycles.bind(&frame, HERE, function_in(&frame));
    assert!(frame.is_held_by_itself());
    let copy = frame.get(Place::Slot(HERE));
    assert!(!frame.is_held_by_itself());
    drop(copy);
    assert!(frame.is_held_by_itself());
    let _child = Frame::new(Some(Rc::clone(&frame)), Vec::new());
    assert!(!frame.is_held_by_itself());
}

#[test]
fn long_chains_are_dropped_without_recursion() {
    let mut frame = Frame::new(None, vec![None]);
    for _ in 0..200_000 {
        let next = Frame::new(None, vec![None]);
        next.set(0, function_in(&frame));
        frame = next;
    }
    drop(frame);
    let mut frame = Frame::new(None, Vec::new());
    for _ in 0..200_000 {
        frame = Frame::new(Some(frame), Vec::new());
    }
    drop(frame);
}

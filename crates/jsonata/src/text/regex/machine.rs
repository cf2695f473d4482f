//! The machine that runs a program: all threads at once, one character after the other, so that
//! the time is that of the text times the program, whatever the expression.

use std::ops::Range;

use super::parse::Assertion;
use super::program::{Instruction, Program};
use crate::error::Error;
use crate::meter::Meter;

/// A slot that holds no position.
const UNSET: usize = usize::MAX;

/// Threads in the order of preference, at most one for each instruction.
struct Threads {
    /// Where each one stands.
    places: Vec<usize>,
    /// Their slots, one thread's after the other's.
    slots: Vec<usize>,
    /// For each instruction the round it was last reached in.
    reached: Vec<u32>,
    round: u32,
}

impl Threads {
    fn new(program: &Program) -> Threads {
        Threads {
            places: Vec::new(),
            slots: Vec::new(),
            reached: vec![0; program.instructions.len()],
            round: 0,
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.slots.clear();
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.reached.fill(0);
            self.round = 1;
        }
    }

    /// Whether an instruction is reached for the first time since the last `clear`.
    fn is_new(&mut self, place: usize) -> bool {
        match self.reached.get_mut(place) {
            Some(round) if *round != self.round => {
                *round = self.round;
                true
            }
            _ => false,
        }
    }
}

/// A place between two characters.
#[derive(Clone, Copy)]
struct Position {
    offset: usize,
    before: Option<char>,
    after: Option<char>,
}

impl Position {
    fn at(text: &str, offset: usize) -> Position {
        let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
        Position {
            offset,
            before: before.chars().next_back(),
            after: after.chars().next(),
        }
    }
}

/// What is left to do while threads are added.
enum Todo {
    Visit(usize),
    /// Puts back what another way must not see.
    Restore(usize, usize),
}

/// A program with the memory it runs in.
pub(super) struct Machine<'p> {
    program: &'p Program,
    meter: &'p Meter,
    current: Threads,
    next: Threads,
    /// The slots of the thread that is being followed.
    slots: Vec<usize>,
    todo: Vec<Todo>,
    bytes: usize,
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        self.meter.refund(self.bytes);
    }
}

impl<'p> Machine<'p> {
    /// # Errors
    /// Those of the meter: the memory is charged at once and given back in the end.
    pub(super) fn new(program: &'p Program, meter: &'p Meter) -> Result<Machine<'p>, Error> {
        let per_instruction = 2 * (program.slots * size_of::<usize>() + size_of::<usize>() + 4);
        let bytes = program.instructions.len() * per_instruction;
        meter.make(bytes)?;
        Ok(Machine {
            program,
            meter,
            current: Threads::new(program),
            next: Threads::new(program),
            slots: vec![UNSET; program.slots],
            todo: Vec::new(),
            bytes,
        })
    }

    /// The first match at or behind `from`: its range and those of the groups.
    ///
    /// # Errors
    /// Those of the meter.
    pub(super) fn search(
        &mut self,
        text: &str,
        from: usize,
    ) -> Result<Option<Vec<Option<Range<usize>>>>, Error> {
        let mut found: Option<Vec<usize>> = None;
        let mut position = Position::at(text, from);
        self.current.clear();
        loop {
            if self.current.places.is_empty() {
                if found.is_some() {
                    break;
                }
                self.current.clear();
                match self.skip(text, position)? {
                    Some(candidate) => position = candidate,
                    None => break,
                }
            }
            if found.is_none() {
                self.slots.fill(UNSET);
                self.add(0, position)?;
            }
            let Some(character) = position.after else {
                self.advance_all(None, position, &mut found)?;
                break;
            };
            let behind = Position::at(text, position.offset + character.len_utf8());
            self.advance_all(Some(character), behind, &mut found)?;
            position = behind;
        }
        Ok(found.map(|slots| self.ranges(&slots)))
    }

    /// The next place where a match could begin. Of characters beyond ASCII each one could.
    fn skip(&self, text: &str, position: Position) -> Result<Option<Position>, Error> {
        let Some(first) = self.program.first else {
            return Ok(Some(position));
        };
        let rest = text.as_bytes().get(position.offset..).unwrap_or_default();
        let is_candidate = |byte: &u8| *byte >= 128 || first >> *byte & 1 == 1;
        let skipped = rest.iter().position(is_candidate);
        self.meter
            .step(1 + skipped.unwrap_or(rest.len()) as u64 / 16)?;
        Ok(skipped.map(|skipped| Position::at(text, position.offset + skipped)))
    }

    /// Lets every thread take `character`; those that can go on stand at `position` then. A thread
    /// at its end is the match, and those less preferred end.
    fn advance_all(
        &mut self,
        character: Option<char>,
        position: Position,
        found: &mut Option<Vec<usize>>,
    ) -> Result<(), Error> {
        let program = self.program;
        let count = self.current.places.len();
        self.meter.step(1 + count as u64)?;
        // `add` fills `current`; here it becomes the list that is being made.
        std::mem::swap(&mut self.current, &mut self.next);
        self.current.clear();
        for thread in 0..count {
            let place = self.next.places.get(thread).copied().unwrap_or_default();
            let start = thread * program.slots;
            let Some(slots) = self.next.slots.get(start..start + program.slots) else {
                break;
            };
            match program.instructions.get(place) {
                Some(Instruction::Match) => {
                    match found {
                        Some(found) => found.copy_from_slice(slots),
                        None => *found = Some(slots.to_vec()),
                    }
                    break;
                }
                Some(Instruction::Set(set)) => {
                    let set = program.sets.get(*set);
                    let takes = |character| set.is_some_and(|set| set.contains(character));
                    if character.is_some_and(takes) {
                        self.slots.copy_from_slice(slots);
                        self.add(place + 1, position)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds the threads that `place` leads to without taking a character, the preferred first.
    fn add(&mut self, place: usize, position: Position) -> Result<(), Error> {
        let mut steps = 0;
        self.todo.push(Todo::Visit(place));
        while let Some(todo) = self.todo.pop() {
            match todo {
                Todo::Visit(place) if self.current.is_new(place) => {
                    steps += 1;
                    self.visit(place, position);
                }
                Todo::Visit(_) => {}
                Todo::Restore(slot, old) => self.set_slot(slot, old),
            }
        }
        // A step pays for following an instruction and for copying slots.
        self.meter
            .step(steps * (1 + self.program.slots as u64 / 16))
    }

    fn visit(&mut self, place: usize, position: Position) {
        let goes_on = match self.program.instructions.get(place) {
            Some(Instruction::Jump(to)) => {
                self.todo.push(Todo::Visit(*to));
                false
            }
            Some(Instruction::Split(preferred, other)) => {
                self.todo.push(Todo::Visit(*other));
                self.todo.push(Todo::Visit(*preferred));
                false
            }
            Some(Instruction::Set(_) | Instruction::Match) => {
                self.current.places.push(place);
                self.current.slots.extend_from_slice(&self.slots);
                false
            }
            Some(Instruction::Assert(assertion)) => self.holds(*assertion, position),
            Some(Instruction::Progress(slot)) => self.slots.get(*slot) != Some(&position.offset),
            Some(Instruction::Save(slot)) => {
                self.change_slot(*slot, position.offset);
                true
            }
            Some(Instruction::Reset(first, end)) => {
                for slot in *first..*end {
                    self.change_slot(slot, UNSET);
                }
                true
            }
            None => false,
        };
        if goes_on {
            self.todo.push(Todo::Visit(place + 1));
        }
    }

    /// Changes a slot until all that follows from here has been visited.
    fn change_slot(&mut self, slot: usize, value: usize) {
        let old = self.slots.get(slot).copied().unwrap_or(UNSET);
        if old != value {
            self.todo.push(Todo::Restore(slot, old));
            self.set_slot(slot, value);
        }
    }

    fn set_slot(&mut self, slot: usize, value: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    fn holds(&self, assertion: Assertion, position: Position) -> bool {
        let is_line_end = |character| matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}');
        let is_border = |neighbour: Option<char>| match neighbour {
            None => true,
            Some(character) => self.program.is_multiline && is_line_end(character),
        };
        let is_word = |neighbour: Option<char>| {
            neighbour.is_some_and(|character| character == '_' || character.is_ascii_alphanumeric())
        };
        match assertion {
            Assertion::Start => is_border(position.before),
            Assertion::End => is_border(position.after),
            Assertion::WordBoundary => is_word(position.before) != is_word(position.after),
            Assertion::NotWordBoundary => is_word(position.before) == is_word(position.after),
        }
    }

    fn ranges(&self, slots: &[usize]) -> Vec<Option<Range<usize>>> {
        let (pairs, _) = slots.as_chunks::<2>();
        pairs
            .iter()
            .take(self.program.groups + 1)
            .map(|[start, end]| (*end != UNSET).then_some(*start..*end))
            .collect()
    }
}

//! From the tree to instructions for the machine.

use super::parse::{Assertion, Node, Pattern, Repeat};
use super::set::Set;

/// Repetitions with bounds are copies; nested ones multiply. The machine needs memory for each
/// instruction, and visits each once for each character. A definition may hold hundreds of
/// compiled expressions at some 30 bytes an instruction.
const INSTRUCTIONS_MAX: usize = 4_000;

/// The machine keeps the slots of two threads for each instruction; this is 16 MiB.
const SLOTS_MAX: usize = 1 << 20;

const TOO_LARGE: &str = "too large: its repetitions and groups multiply";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instruction {
    /// Takes one character out of the set of this number.
    Set(usize),
    Assert(Assertion),
    Jump(usize),
    /// Goes on in two places; the first one is preferred.
    Split(usize, usize),
    /// Keeps the position in a slot.
    Save(usize),
    /// Empties the slots from the first to before the second.
    Reset(usize, usize),
    /// Ends the thread if the position is still that in the slot: ECMAScript lets no optional
    /// repetition match nothing.
    Progress(usize),
    Match,
}

/// A compiled expression. Slots 0 and 1 hold start and end of the match, those after them start
/// and end of each group, the last ones where repetitions began.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) sets: Vec<Set>,
    pub(super) groups: usize,
    pub(super) slots: usize,
    pub(super) is_multiline: bool,
    /// The ASCII characters a match can begin with, one bit each; `None` if a match may be empty.
    pub(super) first: Option<u128>,
}

impl Program {
    /// Compiles a pattern; the error is the reason alone.
    pub(super) fn new(pattern: Pattern, is_multiline: bool) -> Result<Program, &'static str> {
        let mut compiler = Compiler {
            instructions: Vec::new(),
            slots: 2 * (pattern.groups + 1),
        };
        compiler.push(Instruction::Save(0))?;
        compiler.node(&pattern.root)?;
        compiler.push(Instruction::Save(1))?;
        compiler.push(Instruction::Match)?;
        if compiler.instructions.len().saturating_mul(compiler.slots) > SLOTS_MAX {
            return Err(TOO_LARGE);
        }
        let first = first_characters(&compiler.instructions, &pattern.sets);
        Ok(Program {
            instructions: compiler.instructions,
            sets: pattern.sets,
            groups: pattern.groups,
            slots: compiler.slots,
            is_multiline,
            first,
        })
    }
}

/// The ASCII characters that the first one can be; assertions are taken for granted.
fn first_characters(instructions: &[Instruction], sets: &[Set]) -> Option<u128> {
    let mut is_seen = vec![false; instructions.len()];
    let mut pending = vec![0];
    let mut first = 0;
    while let Some(at) = pending.pop() {
        match is_seen.get_mut(at) {
            Some(is_seen) if !*is_seen => *is_seen = true,
            _ => continue,
        }
        match instructions.get(at)? {
            Instruction::Match => return None,
            Instruction::Set(set) => first |= sets.get(*set)?.ascii(),
            Instruction::Jump(to) => pending.push(*to),
            Instruction::Split(preferred, other) => pending.extend([*preferred, *other]),
            _ => pending.push(at + 1),
        }
    }
    Some(first)
}

struct Compiler {
    instructions: Vec<Instruction>,
    slots: usize,
}

impl Compiler {
    fn push(&mut self, instruction: Instruction) -> Result<usize, &'static str> {
        if self.instructions.len() >= INSTRUCTIONS_MAX {
            return Err(TOO_LARGE);
        }
        self.instructions.push(instruction);
        Ok(self.instructions.len() - 1)
    }

    fn next(&self) -> usize {
        self.instructions.len()
    }

    fn set(&mut self, at: usize, instruction: Instruction) {
        if let Some(place) = self.instructions.get_mut(at) {
            *place = instruction;
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), &'static str> {
        match node {
            Node::Empty => {}
            Node::Set(set) => {
                self.push(Instruction::Set(*set))?;
            }
            Node::Assertion(assertion) => {
                self.push(Instruction::Assert(*assertion))?;
            }
            Node::Group(number, node) => {
                self.push(Instruction::Save(2 * number))?;
                self.node(node)?;
                self.push(Instruction::Save(2 * number + 1))?;
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.node(node)?;
                }
            }
            Node::Alternatives(nodes) => self.alternatives(nodes)?,
            Node::Repeat(repeat) => self.repeat(repeat)?,
        }
        Ok(())
    }

    fn alternatives(&mut self, nodes: &[Node]) -> Result<(), &'static str> {
        let Some((last, others)) = nodes.split_last() else {
            return Ok(());
        };
        let mut jumps = Vec::new();
        for node in others {
            let split = self.push(Instruction::Match)?;
            self.node(node)?;
            jumps.push(self.push(Instruction::Match)?);
            self.set(split, Instruction::Split(split + 1, self.next()));
        }
        self.node(last)?;
        for jump in jumps {
            self.set(jump, Instruction::Jump(self.next()));
        }
        Ok(())
    }

    /// `min` copies that have to match, then a loop or the copies that may. If each copy takes a
    /// character, the loop can go back to the last one of those that have to.
    fn repeat(&mut self, repeat: &Repeat) -> Result<(), &'static str> {
        let mut last_copy = self.next();
        for _ in 0..repeat.min {
            last_copy = self.next();
            self.reset_groups(repeat)?;
            self.node(&repeat.node)?;
            if self.next() == last_copy {
                // Nothing, however often.
                return Ok(());
            }
        }
        match repeat.max {
            None if repeat.min > 0 && !is_nullable(&repeat.node) => {
                let split = self.push(Instruction::Match)?;
                self.choose(split, last_copy, repeat);
            }
            None => {
                let split = self.optional_copy(repeat)?;
                self.push(Instruction::Jump(split))?;
                self.leave(split, repeat);
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in repeat.min..max {
                    splits.push(self.optional_copy(repeat)?);
                }
                for split in splits {
                    self.leave(split, repeat);
                }
            }
        }
        Ok(())
    }

    /// A split, to be completed by `leave`, and a copy behind it.
    fn optional_copy(&mut self, repeat: &Repeat) -> Result<usize, &'static str> {
        let split = self.push(Instruction::Match)?;
        let mark = is_nullable(&repeat.node).then_some(self.slots);
        if let Some(slot) = mark {
            self.slots += 1;
            self.push(Instruction::Save(slot))?;
        }
        self.reset_groups(repeat)?;
        self.node(&repeat.node)?;
        if let Some(slot) = mark {
            self.push(Instruction::Progress(slot))?;
        }
        Ok(split)
    }

    /// Makes a split choose between the copy behind it and what comes next.
    fn leave(&mut self, split: usize, repeat: &Repeat) {
        self.choose(split, split + 1, repeat);
    }

    /// Makes a split choose between a copy and what comes next.
    fn choose(&mut self, split: usize, copy: usize, repeat: &Repeat) {
        let next = self.next();
        let instruction = if repeat.is_greedy {
            Instruction::Split(copy, next)
        } else {
            Instruction::Split(next, copy)
        };
        self.set(split, instruction);
    }

    /// A repetition starts without what its groups matched the time before.
    fn reset_groups(&mut self, repeat: &Repeat) -> Result<(), &'static str> {
        if !repeat.groups.is_empty() {
            let (first, end) = (2 * repeat.groups.start, 2 * repeat.groups.end);
            self.push(Instruction::Reset(first, end))?;
        }
        Ok(())
    }
}

/// Whether the node can match nothing.
fn is_nullable(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Assertion(_) => true,
        Node::Set(_) => false,
        Node::Group(_, node) => is_nullable(node),
        Node::Sequence(nodes) => nodes.iter().all(is_nullable),
        Node::Alternatives(nodes) => nodes.iter().any(is_nullable),
        Node::Repeat(repeat) => repeat.min == 0 || is_nullable(&repeat.node),
    }
}

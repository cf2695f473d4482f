//! From text to syntax tree: the lexer, the parser, and the rewriting that gives paths, filters,
//! parents and tail calls their final shape.

pub(crate) mod ancestry;
pub(crate) mod ast;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod process;
pub(crate) mod signature;

use crate::error::Fault;
use ast::Ast;

/// The processed tree of a source.
pub(crate) fn parse(source: &str) -> Result<ast::Syntax, Fault> {
    let tree: Box<Ast> = parser::parse(source)?;
    process::process(tree)
}

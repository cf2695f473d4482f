//! A parser by operator precedence (Vaughan Pratt), rule by rule the one of the reference: so what
//! is wrong with a source is found at the same token.

use crate::error::Fault;
use crate::syntax::ast::{Ast, Call, Group, HEIGHT_MAX, Kind, Lambda, Operator, SortTerm};
use crate::syntax::lexer::{Lexer, Token, TokenKind};
use crate::syntax::signature::Signature;
use crate::text::regex::Regex;

type Parsed = Result<Box<Ast>, Fault>;

/// Parses a source; its tree is not processed yet.
pub(crate) fn parse(source: &str) -> Parsed {
    let mut lexer = Lexer::new(source);
    let token = lexer.next(false)?;
    let mut parser = Parser {
        lexer,
        token,
        depth: 0,
    };
    parser.check_known()?;
    let tree = parser.expression(0)?;
    match parser.token.kind {
        TokenKind::End => Ok(tree),
        _ => Err(Fault::with_token(
            "S0201",
            parser.token.position,
            &parser.token.kind.value(),
        )),
    }
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    /// The token to be taken next.
    token: Token,
    depth: u32,
}

/// How tightly an operator binds to what stands left of it.
fn binding_power(token: &TokenKind) -> u32 {
    let TokenKind::Operator(symbol) = token else {
        return 0;
    };
    match *symbol {
        "[" | "(" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "!=" | "<=" | ">=" | "~>" | "in" | "^" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => 0,
    }
}

fn binary_operator(symbol: &str) -> Option<Operator> {
    Some(match symbol {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Modulo,
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "&" => Operator::Concatenate,
        "and" => Operator::And,
        "or" => Operator::Or,
        "in" => Operator::In,
        _ => return None,
    })
}

impl Parser<'_> {
    fn is_at(&self, symbol: &str) -> bool {
        matches!(self.token.kind, TokenKind::Operator(other) if other == symbol)
    }

    /// Takes the current token. `is_infix`: an operator comes next.
    fn advance(&mut self, is_infix: bool) -> Result<Token, Fault> {
        let next = self.lexer.next(is_infix)?;
        let taken = std::mem::replace(&mut self.token, next);
        self.check_known()?;
        Ok(taken)
    }

    fn check_known(&self) -> Result<(), Fault> {
        match self.token.kind {
            TokenKind::Operator("!" | "~") => Err(Fault::with_token(
                "S0204",
                self.token.position,
                &self.token.kind.value(),
            )),
            _ => Ok(()),
        }
    }

    /// Takes the current token, which has to be `symbol`.
    fn expect(&mut self, symbol: &'static str, is_infix: bool) -> Result<(), Fault> {
        if self.is_at(symbol) {
            self.advance(is_infix)?;
            return Ok(());
        }
        let code = match self.token.kind {
            TokenKind::End => "S0203",
            _ => "S0202",
        };
        Err(Fault::expected(
            code,
            self.token.position,
            &self.token.kind.value(),
            &symbol.into(),
        ))
    }

    fn expression(&mut self, right_power: u32) -> Parsed {
        self.depth += 1;
        if self.depth > HEIGHT_MAX {
            return Err(Fault::too_deep());
        }
        let token = self.advance(true)?;
        let mut left = self.prefix(token)?;
        while right_power < binding_power(&self.token.kind) {
            let token = self.advance(false)?;
            left = self.infix(left, &token)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// An operand, or an operator that stands before its operand.
    fn prefix(&mut self, token: Token) -> Parsed {
        let position = token.position;
        let kind = match token.kind {
            TokenKind::End => Kind::End,
            TokenKind::Name(name) => Kind::Name(name),
            TokenKind::Variable(name) => Kind::Variable(name),
            TokenKind::Text(text) => Kind::Text(text),
            TokenKind::Number(number) => Kind::Number(number),
            TokenKind::Constant(value) => Kind::Constant(value),
            TokenKind::Regex { pattern, flags } => {
                let regex = Regex::compile(&pattern, &flags);
                Kind::Regex(regex.map_err(|error| Fault::from(error).with_position(position))?)
            }
            TokenKind::Operator(symbol) => return self.prefix_operator(symbol, position),
        };
        Ok(Box::new(Ast::leaf(kind, position)))
    }

    fn prefix_operator(&mut self, symbol: &'static str, position: usize) -> Parsed {
        let kind = match symbol {
            // The words may also name fields.
            "and" | "or" | "in" => Kind::Name(symbol.to_owned()),
            "*" => Kind::Wildcard,
            "**" => Kind::Descendant,
            "%" => Kind::Parent(None),
            "-" => {
                let operand = self.expression(70)?;
                let height = operand.height;
                return Ast::over(Kind::Negate(operand), position, height);
            }
            "(" => return self.block(position),
            "[" => return self.array(position),
            "{" => {
                let (group, height) = self.pairs(position)?;
                return Ast::over(Kind::Object(group), position, height);
            }
            "|" => return self.transform(position),
            _ => return Err(Fault::with_token("S0211", position, &symbol.into())),
        };
        Ok(Box::new(Ast::leaf(kind, position)))
    }

    /// An operator behind its left operand.
    fn infix(&mut self, left: Box<Ast>, token: &Token) -> Parsed {
        let position = token.position;
        let TokenKind::Operator(symbol) = token.kind else {
            return Ok(left);
        };
        match symbol {
            "(" => self.call(left, position),
            "[" => self.filter(left, position),
            "^" => self.order_by(left, position),
            "?" => self.condition(left, position),
            "@" | "#" => self.variable_binding(left, symbol, position),
            "{" => {
                let left_height = left.height;
                let (group, height) = self.pairs(position)?;
                let height = height.max(left_height);
                Ast::over(Kind::GroupBy(left, group), position, height)
            }
            ":=" => {
                if !left.is_variable() {
                    return Err(Fault::at("S0212", left.position).set_token(&value_text(&left)));
                }
                // One less than its own power makes it associate to the right.
                let right = self.expression(9)?;
                let height = left.height.max(right.height);
                Ast::over(Kind::Bind(left, right), position, height)
            }
            _ => {
                let right = self.expression(binding_power(&TokenKind::Operator(symbol)))?;
                let height = left.height.max(right.height);
                let kind = match (symbol, binary_operator(symbol)) {
                    (_, Some(operator)) => Kind::Binary(operator, left, right),
                    (".", None) => Kind::Dot(left, right),
                    (_, None) => Kind::Apply(left, right),
                };
                Ast::over(kind, position, height)
            }
        }
    }

    fn block(&mut self, position: usize) -> Parsed {
        let mut expressions = Vec::new();
        while !self.is_at(")") {
            expressions.push(*self.expression(0)?);
            if !self.is_at(";") {
                break;
            }
            self.expect(";", false)?;
        }
        self.expect(")", true)?;
        let height = highest(&expressions);
        Ast::over(Kind::Block(expressions), position, height)
    }

    fn array(&mut self, position: usize) -> Parsed {
        let mut items = Vec::new();
        if !self.is_at("]") {
            loop {
                let mut item = self.expression(0)?;
                if self.is_at("..") {
                    let position = self.token.position;
                    self.expect("..", false)?;
                    let last = self.expression(0)?;
                    let height = item.height.max(last.height);
                    item = Ast::over(Kind::Binary(Operator::Range, item, last), position, height)?;
                }
                items.push(*item);
                if !self.is_at(",") {
                    break;
                }
                self.expect(",", false)?;
            }
        }
        self.expect("]", true)?;
        let height = highest(&items);
        Ast::over(Kind::Array(items), position, height)
    }

    /// What stands between the braces of an object, and the closing one.
    fn pairs(&mut self, position: usize) -> Result<(Group, u32), Fault> {
        let mut pairs = Vec::new();
        let mut height = 1;
        if !self.is_at("}") {
            loop {
                let key = self.expression(0)?;
                self.expect(":", false)?;
                let value = self.expression(0)?;
                height = height.max(key.height).max(value.height);
                pairs.push((*key, *value));
                if !self.is_at(",") {
                    break;
                }
                self.expect(",", false)?;
            }
        }
        self.expect("}", true)?;
        Ok((Group { pairs, position }, height))
    }

    fn transform(&mut self, position: usize) -> Parsed {
        let pattern = self.expression(0)?;
        self.expect("|", false)?;
        let update = self.expression(0)?;
        let mut height = pattern.height.max(update.height);
        let mut delete = None;
        if self.is_at(",") {
            self.expect(",", false)?;
            let expression = self.expression(0)?;
            height = height.max(expression.height);
            delete = Some(expression);
        }
        self.expect("|", false)?;
        Ast::over(Kind::Transform(pattern, update, delete), position, height)
    }

    fn filter(&mut self, mut left: Box<Ast>, position: usize) -> Parsed {
        if self.is_at("]") {
            // Nothing between the brackets: the step keeps its array.
            let mut step = &mut *left;
            while let Kind::Filter(inner, _) = &mut step.kind {
                step = inner;
            }
            step.keep_array = true;
            self.expect("]", false)?;
            return Ok(left);
        }
        let predicate = self.expression(0)?;
        self.expect("]", true)?;
        let height = left.height.max(predicate.height);
        Ast::over(Kind::Filter(left, predicate), position, height)
    }

    fn order_by(&mut self, left: Box<Ast>, position: usize) -> Parsed {
        self.expect("(", false)?;
        let mut terms = Vec::new();
        let mut height = left.height;
        loop {
            let descending = self.is_at(">");
            if descending || self.is_at("<") {
                self.advance(false)?;
            }
            let expression = *self.expression(0)?;
            height = height.max(expression.height);
            terms.push(SortTerm {
                descending,
                expression,
            });
            if !self.is_at(",") {
                break;
            }
            self.expect(",", false)?;
        }
        self.expect(")", false)?;
        Ast::over(Kind::OrderBy(left, terms), position, height)
    }

    fn condition(&mut self, condition: Box<Ast>, position: usize) -> Parsed {
        let then = self.expression(0)?;
        let mut height = condition.height.max(then.height);
        let mut otherwise = None;
        if self.is_at(":") {
            self.expect(":", false)?;
            let expression = self.expression(0)?;
            height = height.max(expression.height);
            otherwise = Some(expression);
        }
        Ast::over(
            Kind::Condition(condition, then, otherwise),
            position,
            height,
        )
    }

    fn variable_binding(
        &mut self,
        left: Box<Ast>,
        symbol: &'static str,
        position: usize,
    ) -> Parsed {
        let right = self.expression(80)?;
        let height = left.height;
        match right.kind {
            Kind::Variable(name) if symbol == "@" => {
                Ast::over(Kind::Focus(left, name), position, height)
            }
            Kind::Variable(name) => Ast::over(Kind::Index(left, name), position, height),
            _ => Err(Fault::with_token("S0214", right.position, &symbol.into())),
        }
    }

    fn call(&mut self, procedure: Box<Ast>, position: usize) -> Parsed {
        let mut arguments = Vec::new();
        let mut is_partial = false;
        if !self.is_at(")") {
            loop {
                if self.is_at("?") {
                    is_partial = true;
                    let placeholder = self.advance(false)?;
                    arguments.push(Ast::leaf(Kind::Placeholder, placeholder.position));
                } else {
                    arguments.push(*self.expression(0)?);
                }
                if !self.is_at(",") {
                    break;
                }
                self.expect(",", false)?;
            }
        }
        self.expect(")", true)?;
        if matches!(&procedure.kind, Kind::Name(name) if name == "function" || name == "λ") {
            return self.lambda(arguments, position);
        }
        let height = highest(&arguments).max(procedure.height);
        let call = Call {
            procedure,
            arguments,
        };
        let kind = if is_partial {
            Kind::Partial(call)
        } else {
            Kind::Call(call)
        };
        Ast::over(kind, position, height)
    }

    fn lambda(&mut self, arguments: Vec<Ast>, position: usize) -> Parsed {
        let mut parameters = Vec::new();
        for (at, argument) in arguments.into_iter().enumerate() {
            match argument.kind {
                Kind::Variable(name) => parameters.push(name),
                _ => {
                    let number = (at + 1).to_string();
                    return Err(Fault::of_value("S0208", &number)
                        .with_position(argument.position)
                        .set_token(&value_text(&argument)));
                }
            }
        }
        let signature = if self.is_at("<") {
            Some(self.signature()?)
        } else {
            None
        };
        self.expect("{", false)?;
        let body = self.expression(0)?;
        self.expect("}", false)?;
        let height = body.height;
        let lambda = Lambda {
            parameters,
            signature,
            body,
        };
        Ast::over(Kind::Lambda(lambda), position, height)
    }

    fn signature(&mut self) -> Result<Signature, Fault> {
        let start = self.token.position;
        let mut text = String::from("<");
        let mut depth = 1;
        while depth > 0 && !self.is_at("{") && self.token.kind != TokenKind::End {
            self.advance(false)?;
            if self.is_at(">") {
                depth -= 1;
            } else if self.is_at("<") {
                depth += 1;
            }
            let value = self.token.kind.value();
            text.push_str(
                &value
                    .as_str()
                    .map_or_else(|| value.to_text(), str::to_owned),
            );
        }
        self.expect(">", false)?;
        Signature::parse(&text).map_err(|fault| fault.shifted(start))
    }
}

fn highest(nodes: &[Ast]) -> u32 {
    nodes.iter().map(|node| node.height).max().unwrap_or(0)
}

/// What the reference calls the `value` of a node, for errors about it.
pub(crate) fn value_text(node: &Ast) -> String {
    match &node.kind {
        Kind::Name(text) | Kind::Text(text) | Kind::Variable(text) => text.clone(),
        Kind::Number(number) => json::Value::from(*number).to_text(),
        Kind::Constant(value) => value.to_text(),
        Kind::Binary(operator, ..) => operator.symbol().to_owned(),
        Kind::End => "(end)".to_owned(),
        Kind::Wildcard => "*".to_owned(),
        Kind::Descendant => "**".to_owned(),
        Kind::Parent(_) => "%".to_owned(),
        Kind::Placeholder | Kind::Condition(..) => "?".to_owned(),
        Kind::Negate(_) => "-".to_owned(),
        Kind::Array(_) | Kind::Filter(..) => "[".to_owned(),
        Kind::Object(_) | Kind::GroupBy(..) => "{".to_owned(),
        Kind::Bind(..) => ":=".to_owned(),
        Kind::Apply(..) => "~>".to_owned(),
        Kind::Dot(..) => ".".to_owned(),
        Kind::OrderBy(..) => "^".to_owned(),
        Kind::Focus(..) => "@".to_owned(),
        Kind::Index(..) => "#".to_owned(),
        Kind::Transform(..) => "|".to_owned(),
        _ => "(".to_owned(),
    }
}

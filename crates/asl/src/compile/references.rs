//! The variables that states read: DescribeStateMachine's `variableReferences`.

use std::collections::BTreeSet;

use crate::event::Text;
use crate::program::{
    Catcher, Choice, Distributed, Dynamic, Filter, Flow, Items, Map, Recovery, State, StateKind,
    Test, TextSource, WaitUntil,
};
use crate::template::Template;

/// The states that read variables, in the order of their indices, with the names in order.
pub(super) fn of_states(states: &[State]) -> Vec<(Text, Vec<Text>)> {
    let of_state = |state: &State| {
        let mut names = Names::default();
        names.flow(&state.flow);
        names.kind(&state.kind);
        let names = names.0.into_iter().map(Text::from).collect::<Vec<_>>();
        (!names.is_empty()).then(|| (state.name.clone(), names))
    };
    states.iter().filter_map(of_state).collect()
}

#[derive(Default)]
struct Names<'s>(BTreeSet<&'s str>);

impl<'s> Names<'s> {
    fn flow(&mut self, flow: &'s Flow) {
        match flow {
            Flow::Paths(paths) => {
                self.filter(&paths.input_path);
                self.filter(&paths.output_path);
                self.template(paths.parameters.as_ref());
                self.template(paths.result_selector.as_ref());
                self.template(paths.assign.as_ref());
            }
            Flow::Queries(queries) => {
                self.template(queries.arguments.as_ref());
                self.template(queries.output.as_ref());
                self.template(queries.assign.as_ref());
            }
        }
    }

    fn kind(&mut self, kind: &'s StateKind) {
        match kind {
            StateKind::Pass(_) | StateKind::Succeed => {}
            StateKind::Task(task) => {
                self.dynamic(task.timeout.as_ref());
                self.dynamic(task.heartbeat.as_ref());
                self.template(task.credentials.as_ref());
                self.recovery(&task.recovery);
            }
            StateKind::Choice(choice) => self.choice(choice),
            StateKind::Wait(wait) => match &wait.until {
                WaitUntil::Seconds(seconds) => self.dynamic(Some(seconds)),
                WaitUntil::Timestamp(time) => self.dynamic(Some(time)),
            },
            StateKind::Fail(fail) => {
                self.text(fail.error.as_ref());
                self.text(fail.cause.as_ref());
            }
            StateKind::Parallel(parallel) => self.recovery(&parallel.recovery),
            StateKind::Map(map) => self.map(map),
        }
    }

    fn choice(&mut self, choice: &'s Choice) {
        for rule in &choice.rules {
            match &rule.condition {
                Test::Paths(condition) => self.0.extend(condition.references()),
                Test::Query(query) => self.0.extend(query.references()),
                Test::Literal(_) => {}
            }
            self.template(rule.assign.as_ref());
            self.template(rule.output.as_ref());
        }
    }

    fn map(&mut self, map: &'s Map) {
        match &map.items {
            Items::Input => {}
            Items::Path(path) => self.0.extend(path.references()),
            Items::Template(template) => self.template(Some(template)),
        }
        self.template(map.item_selector.as_ref());
        self.dynamic(map.max_concurrency.as_ref());
        self.dynamic(map.tolerance.count.as_ref());
        self.dynamic(map.tolerance.percentage.as_ref());
        if let Some(distributed) = &map.distributed {
            self.distributed(distributed);
        }
        self.recovery(&map.recovery);
    }

    fn distributed(&mut self, distributed: &'s Distributed) {
        if let Some(reader) = &distributed.item_reader {
            self.template(reader.arguments.as_ref());
            self.dynamic(reader.config.max_items.as_ref());
        }
        if let Some(batcher) = &distributed.item_batcher {
            self.dynamic(batcher.max_items_per_batch.as_ref());
            self.dynamic(batcher.max_input_bytes_per_batch.as_ref());
            self.template(batcher.batch_input.as_ref());
        }
        if let Some(writer) = &distributed.result_writer {
            self.template(writer.arguments.as_ref());
        }
    }

    fn recovery(&mut self, recovery: &'s Recovery) {
        for Catcher { assign, output, .. } in &recovery.catch {
            self.template(assign.as_ref());
            self.template(output.as_ref());
        }
    }

    fn filter(&mut self, filter: &'s Filter) {
        if let Filter::Path(path) = filter {
            self.0.extend(path.references());
        }
    }

    fn template(&mut self, template: Option<&'s Template>) {
        self.0
            .extend(template.into_iter().flat_map(Template::references));
    }

    fn text(&mut self, text: Option<&'s TextSource>) {
        match text {
            None | Some(TextSource::Text(_)) => {}
            Some(TextSource::Reference(reference)) => self.0.extend(reference.references()),
            Some(TextSource::Query(query)) => self.0.extend(query.references()),
        }
    }

    fn dynamic<T>(&mut self, value: Option<&'s Dynamic<T>>) {
        match value {
            None | Some(Dynamic::Literal(_)) => {}
            Some(Dynamic::Path(path)) => self.0.extend(path.references()),
            Some(Dynamic::Query(query)) => self.0.extend(query.references()),
        }
    }
}

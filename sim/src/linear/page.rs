//! A contradiction as one page of HTML that needs nothing else: a lane for each client, a bar for each call, and the texts below. Owns how it looks.

use super::history::Contradiction;

/// Least width of a moment, in pixels, and the width that few moments share.
const MOMENT_PX_MIN: usize = 56;
const MOMENTS_PX: usize = 1_100;
/// Height of a lane, in pixels.
const LANE_PX: usize = 56;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5c6b7a; --paper: #ffffff; --lane: #f3f5f8; --line: #d8dee6;
  --ok: #cfe8d5; --ok-edge: #2e7d46; --unknown: #e4e7ec; --unknown-edge: #77818d; --wrong: #f9d0cc; --wrong-edge: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5eaf0; --soft: #9aa7b5; --paper: #14181d; --lane: #1c2229; --line: #323b46;
  --ok: #1d3a27; --ok-edge: #6fc389; --unknown: #2a3038; --unknown-edge: #9aa4b0; --wrong: #4a1d1a; --wrong-edge: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 24px; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; } p { margin: 0 0 16px; color: var(--soft); max-width: 70em; }
.key span { display: inline-block; padding: 1px 8px; margin-right: 8px; border-radius: 4px; border: 1px solid; color: var(--ink); }
.time { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; margin-bottom: 24px; }
.lane { position: relative; border-bottom: 1px solid var(--line); } .lane:nth-child(odd) { background: var(--lane); } .lane:last-child { border: 0; }
.lane b { position: sticky; left: 0; display: inline-block; padding: 4px 10px; font-weight: 600; font-size: 13px; color: var(--soft); }
.bar { position: absolute; top: 22px; height: 27px; padding: 2px 7px; border: 1px solid; border-radius: 5px; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; font-size: 13px; color: var(--ink); text-decoration: none; }
.bar:hover, .bar:focus { overflow: visible; width: auto !important; z-index: 2; }
:is(.bar, .key span).ok { background: var(--ok); border-color: var(--ok-edge); }
:is(.bar, .key span).unknown { background: var(--unknown); border-color: var(--unknown-edge); border-style: dashed; }
:is(.bar, .key span).wrong { background: var(--wrong); border-color: var(--wrong-edge); border-width: 2px; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-size: 13px; color: var(--soft); }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { white-space: nowrap; font-variant-numeric: tabular-nums; } td:first-child { border-left: 4px solid var(--ok-edge); }
tr.unknown td:first-child { border-left-color: var(--unknown-edge); } tr.wrong td:first-child { border-left-color: var(--wrong-edge); }
tr:target { outline: 2px solid var(--ok-edge); } code { font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; } .says { color: var(--wrong-edge); }
";

impl Contradiction {
    /// The page.
    #[must_use]
    pub fn page(&self, title: &str) -> String {
        let title = escaped(title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n"
        );
        page += "<p>No order of these calls explains what was answered. Bars begin where a call was sent and end where its answer came; \
                 the axis shows the order of moments, not their distance. Times are milliseconds since the first call.</p>\n";
        page += "<p class=\"key\"><span class=\"ok\">fits</span><span class=\"unknown\">may have happened or not</span>\
                 <span class=\"wrong\">cannot be next</span></p>\n";
        page += &self.lanes();
        page += &self.table();
        page += "</body>\n</html>\n";
        page
    }

    fn class(&self, number: usize) -> &'static str {
        if self.stuck.iter().any(|stuck| stuck.operation == number) {
            "wrong"
        } else if self.history.operations[number].answer.is_none() {
            "unknown"
        } else {
            "ok"
        }
    }

    fn lanes(&self) -> String {
        let operations = &self.history.operations;
        let mut moments: Vec<u64> = operations.iter().map(|operation| operation.invoked.order).collect();
        moments.extend(operations.iter().filter_map(|operation| operation.returned).map(|returned| returned.order));
        moments.sort_unstable();
        let column = |order: u64| moments.partition_point(|moment| *moment < order);
        let mut clients: Vec<u64> = operations.iter().map(|operation| operation.client).collect();
        clients.sort_unstable();
        clients.dedup();
        let moment = MOMENT_PX_MIN.max(MOMENTS_PX / (moments.len() + 2));
        let width = (moments.len() + 2) * moment;
        let mut lanes = String::from("<div class=\"time\">\n");
        for client in clients {
            lanes += &format!(
                "<div class=\"lane\" style=\"height: {LANE_PX}px; width: {width}px; min-width: 100%\"><b>client {client}</b>"
            );
            for (number, operation) in operations.iter().enumerate().filter(|(_, operation)| operation.client == client)
            {
                let from = column(operation.invoked.order);
                let until = operation.returned.map_or(moments.len() + 1, |returned| column(returned.order));
                let (left, length) = (from * moment + 10, (until - from) * moment - 6);
                lanes += &format!(
                    "<a class=\"bar {}\" href=\"#op{number}\" style=\"left: {left}px; width: {length}px\">#{number} {}</a>",
                    self.class(number),
                    escaped(&operation.label()),
                );
            }
            lanes += "</div>\n";
        }
        lanes + "</div>\n"
    }

    fn table(&self) -> String {
        let mut table = String::from(
            "<table>\n<tr><th>call</th><th>client</th><th>when</th><th>decided at</th><th>place</th><th>asked, answered</th></tr>\n",
        );
        for (number, operation) in self.history.operations.iter().enumerate() {
            let (when, now) = self.history.times(operation);
            let place = self.placed.iter().position(|placed| placed.operation == number);
            let place = place.map_or_else(|| "–".to_owned(), |place| (place + 1).to_string());
            table += &format!(
                "<tr id=\"op{number}\" class=\"{}\"><td class=\"n\">#{number}</td><td class=\"n\">{}</td><td class=\"n\">{when}</td>\
                 <td class=\"n\">{}</td><td class=\"n\">{place}</td><td><code>{}</code><br><code>→ {}</code>{}</td></tr>\n",
                self.class(number),
                operation.client,
                now.as_deref().unwrap_or("–"),
                escaped(&operation.asked()),
                escaped(&operation.answer_text()),
                self.says(number),
            );
        }
        table + "</table>\n"
    }

    /// What would have been right.
    fn says(&self, number: usize) -> String {
        let Some(stuck) = self.stuck.iter().find(|stuck| stuck.operation == number) else { return String::new() };
        let text = match &stuck.machine {
            Some(machine) => format!("the machine says {}", machine.text()),
            None => "the instant of the answer lies outside of the call".to_owned(),
        };
        format!("<br><code class=\"says\">✗ {}</code>", escaped(&text))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

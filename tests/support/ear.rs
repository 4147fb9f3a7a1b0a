//! Tells the page's worker what to do, in every browser: its policy keeps it from running text, so that what it can be told is
//! put into its script beforehand.

use anyhow::Result;
use serde_json::json;

use crate::page::Page;

/// For `Setup::before`: the page's last worker listens to the test.
pub const EAR: &str = r#"
const ear = `self.addEventListener("message", (event) => {
    const { fail, fetch: address } = event.data?.ear ?? {};
    if (!fail && !address) return;
    event.stopImmediatePropagation();
    if (fail) setTimeout(() => { throw new Error(fail); });
    const [port] = event.ports;
    if (address) fetch(address).then((response) => port.postMessage(response.status), () => port.postMessage("refused"));
});`;
const Plain = self.Blob;
self.Blob = function (parts, options) {
    return new Plain(options?.type === "text/javascript" ? [ear, ...parts] : parts, options);
};
self.Blob.prototype = Plain.prototype;
const Mute = self.Worker;
self.Worker = function (url, options) { return (self.e2eWorker = new Mute(url, options)); };
self.Worker.prototype = Mute.prototype;
"#;

impl Page {
    /// Has the worker throw an error that nothing catches.
    pub async fn fail_in_worker(&self, message: &str) -> Result<()> {
        let script = "self.e2eWorker.postMessage({ ear: { fail: arguments[0] } })";
        let told = self.browser.execute(script, vec![json!(message)]);
        told.await.map(|_| ())
    }

    /// Has the page fetch an address; returns the answer's status, or `refused`.
    pub async fn fetch(&self, url: &str) -> Result<String> {
        let fetch = format!("fetch({url:?}).then((response) => response.status, () => 'refused')");
        self.answer(&fetch).await
    }

    /// Has the worker fetch an address; returns the answer's status, or `refused`.
    pub async fn fetch_in_worker(&self, url: &str) -> Result<String> {
        let ask = format!(
            "new Promise((done) => {{ const {{ port1, port2 }} = new MessageChannel(); \
             port1.onmessage = (event) => done(event.data); \
             self.e2eWorker.postMessage({{ ear: {{ fetch: {url:?} }} }}, [port2]); }})"
        );
        self.answer(&ask).await
    }

    async fn answer(&self, expression: &str) -> Result<String> {
        let answer = self.browser.evaluate(expression).await?;
        Ok(answer
            .as_str()
            .map_or_else(|| answer.to_string(), str::to_owned))
    }
}

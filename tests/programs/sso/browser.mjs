// A browser by remote control: a JSON line in, a JSON line out. `[action, ...arguments]` are
// methods of Playwright's page, and "cookies".
import readline from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: ["--no-sandbox", "--disable-gpu"],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
page.setDefaultTimeout(20000);

const actions = {
  goto: async (url) => ((await page.goto(url)) ?? { status: () => 0 }).status(),
  fill: (where, text) => page.fill(where, text),
  click: (where) => Promise.all([page.waitForNavigation(), page.click(where)]).then(() => null),
  text: () => page.innerText("body"),
  url: () => page.url(),
  wait: (url) => page.waitForURL(url),
  cookies: () => context.cookies(),
};

console.log("ready");
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [action, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await actions[action](...given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();

import './style.css';
import { render } from 'preact';
import { takeKeyFromAddress } from './api/key';
import { loadSettings } from './api/settings';
import { loadParts } from './map/parts';
import { explain } from './parts/explain';
import { App, prefetchDesk, trouble } from './shell/app';

takeKeyFromAddress();
// All that the first map needs is asked for at once.
const settingsAsked = loadSettings();
const parts = loadParts();
parts.catch(() => undefined);
const mapCode = import('./map/open');
prefetchDesk();
settingsAsked.catch((error: unknown) => {
  trouble.value = explain(error);
});

function onMap(container: HTMLElement): void {
  void mapCode.then(({ openMap }) => openMap(container, settingsAsked, parts));
}

render(<App onMap={onMap} />, document.body);

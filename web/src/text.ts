// Every word a person reads, in both languages.
export type Language = 'zh' | 'en';

const words = {
  search: ['坐标或编码', 'Coordinates or a code'],
  find: ['查询', 'Find'],
  crs: ['坐标系', 'Coordinates in'],
  hint: ['点击地图，或输入“经度, 纬度”或网格编码。', 'Click the map, or type “longitude, latitude” or a grid code.'],
  key: ['密钥', 'Key'],
  keyLabel: ['密钥决定能看到什么', 'A key decides what is shown'],
  use: ['使用', 'Use'],
  forget: ['忘掉密钥', 'Forget the key'],
  keyInUse: ['密钥（使用中）', 'Key (in use)'],
  incidents: ['案件', 'Incidents'],
  moreIncidents: ['（放大可见更多）', ' (zoom in for more)'],
  otherLanguage: ['English', '中文'],
  map: ['边界地图。方向键移动，回车查询中心点。', 'Map of boundaries. Arrow keys move it, Enter asks about its middle.'],
  asking: ['查询中…', 'Asking…'],
  inside: ['', ''],
  outside: ['不在任何网格内', 'In no grid'],
  gap: ['落在网格之间的缝隙里', 'In a gap between grids'],
  overlap: ['位于多个网格重叠处，按编码最小者答复', 'Where grids overlap; the smallest code answers'],
  path: ['所属', 'Lies in'],
  responsible: ['负责人', 'Answers for it'],
  vacant: ['无人负责：该网格及上级都没有在岗人员', 'Vacant: nobody answers for this grid or any unit above it'],
  noRoster: ['当前无人在岗', 'Nobody on duty'],
  hidden: ['姓名和电话需要密钥', 'Name and phone need a key'],
  primary: ['网格员', 'Primary keeper'],
  backup: ['后备网格员', 'Backup keeper'],
  leader: ['网格长', 'Leader'],
  fallback: ['其后', 'Then'],
  border: ['距边界', 'To the border'],
  ambiguous: ['离边界很近，请核对位置', 'Close to a border: check the position'],
  neighbours: ['相邻', 'Next to it'],
  nearest: ['最近的网格', 'Nearest grid'],
  position: ['位置', 'Position'],
  swapped: ['看起来是“纬度, 经度”，已按此调换。', 'This looked like “latitude, longitude”, so it was turned round.'],
  noCode: ['没有编码', 'There is no unit with the code'],
  notPosition: ['既不是“经度, 纬度”，也不是编码', 'This is neither “longitude, latitude” nor a code'],
  offline: ['服务没有响应，请稍后再试。', 'The service does not answer. Try again later.'],
  failed: ['出错了', 'That did not work'],
  keyRefused: ['密钥无效或已停用，已经忘掉。', 'The key is unknown or revoked and has been forgotten.'],
  noBoundaries: ['还没有可看的边界。先导入边界，或使用密钥。', 'There are no boundaries to show. Import some, or use a key.'],
  noWebgl: ['浏览器无法显示地图（需要 WebGL）。查询仍可使用。', 'This browser cannot show the map (WebGL is needed). Searching still works.'],
  until: ['有效至', 'Holds until'],
  district: ['区县', 'District'],
  street: ['街道乡镇', 'Street'],
  community: ['社区村', 'Community'],
  grid: ['网格', 'Grid'],
  time: ['时间', 'Time'],
  category: ['类别', 'Category'],
  incident: ['案件', 'Incident'],
  close: ['关闭', 'Close'],
} as const;

export type Word = keyof typeof words;

const STORED = 'gridkeeper.language';

let current: Language = start();

function start(): Language {
  const stored = read(STORED);
  if (stored === 'zh' || stored === 'en') return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function language(): Language {
  return current;
}

export function switchLanguage(): void {
  current = current === 'zh' ? 'en' : 'zh';
  try {
    localStorage.setItem(STORED, current);
  } catch {
    // A browser that keeps nothing still switches for this page.
  }
}

export function text(word: Word): string {
  return words[word][current === 'zh' ? 0 : 1];
}

/** The name of a level; levels that are not known here are shown as the service calls them. */
export function levelName(level: string): string {
  return level in words ? text(level as Word) : level;
}

/** Metres as people say them. */
export function metres(value: number): string {
  if (value < 10) return `${value.toFixed(1)} m`;
  return value < 1000 ? `${Math.round(value)} m` : `${(value / 1000).toFixed(1)} km`;
}

import { speaker } from '../i18n/words';

export const words = {
  desks: ['工作台', 'Desks'],
  lookup: ['查询', 'Look up'],
  dispatch: ['调度', 'Dispatch'],
  planner: ['规划', 'Planning'],
  keeper: ['网格员', 'My grid'],
  board: ['看板', 'Board'],
  citizen: ['市民', 'Report'],
  otherLanguage: ['English', '中文'],
  map: ['边界地图。方向键移动，回车查询中心点。', 'Map of boundaries. Arrow keys move it, Enter asks about its middle.'],
  toPanel: ['跳到面板', 'Skip to the panel'],
  signIn: ['登录', 'Sign in'],
  signedIn: ['{}（已登录）', '{} (signed in)'],
  signOut: ['退出', 'Sign out'],
  key: ['密钥', 'Key'],
  keyExplained: ['密钥由管理员发放，决定能看到什么、能做什么。', 'A key comes from your administrator and decides what you see and may do.'],
  keepOnDevice: ['在这台设备上记住', 'Keep it on this device'],
  cancel: ['取消', 'Cancel'],
  keyRefused: ['密钥无效或已停用，已经忘掉。', 'The key is unknown or revoked and has been forgotten.'],
  noBoundaries: ['还没有可看的边界。先导入边界，或使用密钥登录。', 'There are no boundaries to show. Import some, or sign in with a key.'],
  noWebgl: ['浏览器无法显示地图（需要 WebGL）。其他功能仍可使用。', 'This browser cannot show the map (WebGL is needed). Everything else works.'],
  offline: ['服务没有响应，请稍后再试。', 'The service does not answer. Try again later.'],
  failed: ['出错了', 'That did not work'],
  colon: ['：', ': '],
  inWords: ['{}（{}）', '{} ({})'],
  loading: ['加载中…', 'Loading…'],
  notForYou: ['这个工作台需要另一种密钥。', 'This desk needs another key.'],
  public: ['公众', 'Public'],
  worker: ['网格员', 'Keeper'],
  dispatcher: ['调度员', 'Dispatcher'],
  plannerRole: ['规划员', 'Planner'],
  admin: ['管理员', 'Administrator'],
  district: ['区县', 'District'],
  street: ['街道乡镇', 'Street'],
  community: ['社区村', 'Community'],
  grid: ['网格', 'Grid'],
  close: ['关闭', 'Close'],
} as const;

export type ShellWord = keyof typeof words;

export const t = speaker(words);

/** The name of a level; levels that are not known here are shown as the service calls them. */
export function levelName(level: string): string {
  return level === 'district' || level === 'street' || level === 'community' || level === 'grid' ? t(level) : level;
}
